/*
cancel_booking -- let a hold go, or give a paid seat back, at its owner's wish.
Lock order: seat, counter, the user. The clock is read after the seat's lock.
Returns outcome: canceled (also when it already was), not_found, foreign (another room's token),
confirmed (paid, and not or no longer refundable).
Keeps B2, B5, B6, B7, B10.
*/
CREATE OR REPLACE FUNCTION cancel_booking(
    p_visitor text, p_room text, p_booking bigint, p_currency text, p_digits integer,
    OUT outcome text, OUT body jsonb
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    v_booking concert_booking;
    v_amount numeric;
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

    outcome := 'canceled';
    IF v_booking.status <> 'CANCELED' THEN
        PERFORM FROM concert_seat s WHERE s.concert_seat_id = v_booking.concert_seat_id
        FOR NO KEY UPDATE;
        SELECT b.* INTO v_booking FROM concert_booking b WHERE b.concert_booking_id = p_booking;
    END IF;
    v_now := clock_timestamp();
    IF v_booking.status = 'PENDING' THEN
        PERFORM let_go(ARRAY[p_booking], 'owner', v_now);
    ELSIF v_booking.status = 'CONFIRMED' THEN
        v_amount := owners_refund(p_booking, v_now, p_digits);
        IF v_amount IS NULL THEN
            outcome := 'confirmed';
            RETURN;
        END IF;
        PERFORM cancel_paid(ARRAY[p_booking], ARRAY[v_amount], 'refunded', 'owner', NULL, v_now,
                            p_currency, p_digits);
    END IF;
END $$;
