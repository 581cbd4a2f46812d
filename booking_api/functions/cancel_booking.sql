/*
cancel_booking -- let a hold go, at its owner's wish.
Lock order: seat, counter. The clock is read after the locks.
Returns outcome: canceled (also when it already was), not_found, foreign (another room's token),
confirmed (paid: not refundable). Only a PENDING booking is written.
Keeps B2, B5, B10.
*/
CREATE OR REPLACE FUNCTION cancel_booking(
    p_visitor text, p_room text, p_booking bigint, OUT outcome text, OUT body jsonb
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    v_booking concert_booking;
    v_now timestamptz;
BEGIN
    SELECT b.* INTO v_booking FROM concert_booking b JOIN users u USING (user_id)
    WHERE b.concert_booking_id = p_booking AND u.external_id = p_visitor;
    IF NOT FOUND THEN
        outcome := 'not_found';
        RETURN;
    ELSIF v_booking.room_id <> p_room THEN
        outcome := 'foreign';
        RETURN;
    END IF;

    IF v_booking.status = 'PENDING' THEN
        PERFORM FROM concert_seat s WHERE s.concert_seat_id = v_booking.concert_seat_id
        FOR NO KEY UPDATE;
        SELECT b.* INTO v_booking FROM concert_booking b WHERE b.concert_booking_id = p_booking;
    END IF;
    IF v_booking.status <> 'PENDING' THEN
        outcome := CASE v_booking.status WHEN 'CANCELED' THEN 'canceled' ELSE 'confirmed' END;
        RETURN;
    END IF;

    v_now := clock_timestamp();
    UPDATE user_schedule c SET live_seats = c.live_seats - 1
    WHERE c.user_id = v_booking.user_id AND c.concert_schedule_id = v_booking.concert_schedule_id;
    -- Past its deadline it had ended already: paying it stays 410, not 409.
    UPDATE concert_booking b
    SET status = 'CANCELED', updated_at = v_now,
        canceled_reason = CASE WHEN b.expiration_at <= v_now THEN 'expired' ELSE 'owner' END
    WHERE b.concert_booking_id = p_booking;
    UPDATE concert_seat s
    SET status = 'AVAILABLE', concert_booking_id = NULL, held_until = NULL,
        changed_xid = pg_current_xact_id(), updated_at = v_now
    WHERE s.concert_seat_id = v_booking.concert_seat_id;
    outcome := 'canceled';
END $$;
