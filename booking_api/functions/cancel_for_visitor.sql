/*
cancel_for_visitor -- end one booking at an operator's wish: a hold is let go, of a paid one p_percent
goes back to the balance. What is CANCELED stays as it is, so that asking again is harmless.
Lock order: as cancel_bookings.
Returns outcome: canceled; not_found.
Keeps B2, B5, B6, B7, B10.
*/
CREATE OR REPLACE FUNCTION cancel_for_visitor(
    p_booking bigint, p_reason text, p_percent integer, p_operator text,
    p_currency text, p_digits integer, OUT outcome text, OUT body jsonb
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    v_visitor text;
    v_room text;
    v_holds integer;
    v_paid integer;
    v_refunded numeric;
BEGIN
    SELECT u.external_id, b.room_id INTO v_visitor, v_room
    FROM concert_booking b JOIN users u USING (user_id) WHERE b.concert_booking_id = p_booking;
    IF NOT FOUND THEN
        outcome := 'not_found';
        RETURN;
    END IF;
    SELECT c.holds, c.paid, c.refunded INTO v_holds, v_paid, v_refunded
    FROM cancel_bookings(ARRAY[p_booking], 'operator', p_reason, p_operator, p_percent,
                         p_currency, p_digits) c;
    IF v_holds + v_paid > 0 THEN
        PERFORM audit_done(
            p_operator, 'booking.cancel', v_room, p_booking::text,
            jsonb_build_object('visitor', v_visitor, 'reason', p_reason,
                               'was', CASE WHEN v_paid > 0 THEN 'CONFIRMED' ELSE 'PENDING' END,
                               'refunded', money_text(v_refunded, p_digits)));
    END IF;
    outcome := 'canceled';
END $$;
