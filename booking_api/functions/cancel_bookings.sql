/*
cancel_bookings -- end bookings of any visitors at an operator's wish: holds are let go, and of paid
ones p_percent of what was paid goes back to the balance (rounded down to the minor unit, and never
more than is left of the payment). What is CANCELED stays as it is, so that a batch may come again.
    p_canceled  what the bookings say then: 'operator' or 'date_canceled'
    p_reason    what the refunds say, the operator's own words
Lock order: seats by id, counters by user_id and date, users by id. The clock is read after the
seats' locks. A batch should be small (hundreds): it holds its locks until it commits. The caller
keeps the audit.
Returns how many holds and how many paid bookings it ended, and the sum of the refunds.
Keeps B2, B5, B6, B7, B10.
*/
CREATE OR REPLACE FUNCTION cancel_bookings(
    p_bookings bigint[], p_canceled text, p_reason text, p_operator text, p_percent integer,
    p_currency text, p_digits integer,
    OUT holds integer, OUT paid integer, OUT refunded numeric
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    v_live bigint[];
    v_paid bigint[];
    v_amounts numeric[];
    v_now timestamptz;
BEGIN
    PERFORM FROM concert_seat s
    WHERE s.concert_seat_id = ANY (ARRAY(
        SELECT b.concert_seat_id FROM concert_booking b
        WHERE b.concert_booking_id = ANY (p_bookings) AND b.status <> 'CANCELED'))
    ORDER BY s.concert_seat_id FOR NO KEY UPDATE;
    v_now := clock_timestamp();

    SELECT array_agg(b.concert_booking_id),
           array_agg(b.concert_booking_id ORDER BY b.concert_booking_id)
               FILTER (WHERE b.status = 'CONFIRMED'),
           array_agg(least(trunc(p.payment_amount * p_percent / 100, p_digits),
                           p.payment_amount - p.refunded_amount) ORDER BY b.concert_booking_id)
               FILTER (WHERE b.status = 'CONFIRMED')
    INTO v_live, v_paid, v_amounts
    FROM concert_booking b LEFT JOIN payment p USING (concert_booking_id)
    WHERE b.concert_booking_id = ANY (p_bookings) AND b.status <> 'CANCELED';

    paid := coalesce(cardinality(v_paid), 0);
    holds := coalesce(cardinality(v_live), 0) - paid;
    refunded := coalesce((SELECT sum(a) FROM unnest(v_amounts) a), 0);
    -- The counters of all at once, before any user: those of holds and of paid seats alike.
    PERFORM FROM user_schedule c
    WHERE (c.user_id, c.concert_schedule_id) IN (
        SELECT b.user_id, b.concert_schedule_id FROM concert_booking b
        WHERE b.concert_booking_id = ANY (v_live))
    ORDER BY c.user_id, c.concert_schedule_id FOR NO KEY UPDATE;
    IF holds > 0 THEN
        PERFORM let_go(ARRAY(SELECT l FROM unnest(v_live) l EXCEPT SELECT o FROM unnest(v_paid) o),
                       p_canceled, v_now);
    END IF;
    IF paid > 0 THEN
        PERFORM cancel_paid(v_paid, v_amounts, p_canceled, p_reason, p_operator, v_now,
                            p_currency, p_digits);
    END IF;
END $$;
