/*
give_back -- return money of paid bookings to their owners' balances. For other functions: the
caller holds the locks of the seats and has judged that each amount is left of its payment.
Lock order: users by id. The clock is read after the locks.
Each refund is one movement of the ledger, one row of refund and the payment's refunded_amount, and
other systems are told of it. p_operator is null where it is the visitor's own wish.
Returns the refunds, an array of the answers of a refund.
Keeps B6, B7; payment_refunded_within is the second wall.
*/
CREATE OR REPLACE FUNCTION give_back(
    p_bookings bigint[], p_amounts numeric[], p_reason text, p_operator text,
    p_currency text, p_digits integer
) RETURNS jsonb
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    v_now timestamptz;
    v_refunds jsonb;
BEGIN
    PERFORM FROM users u
    WHERE u.user_id IN (SELECT b.user_id FROM concert_booking b
                        WHERE b.concert_booking_id = ANY (p_bookings))
    ORDER BY u.user_id FOR NO KEY UPDATE;
    v_now := clock_timestamp();
    WITH due AS MATERIALIZED (
        SELECT b.user_id, b.concert_booking_id, b.concert_schedule_id, p.payment_id, n.amount,
               u.balance + sum(n.amount) OVER (PARTITION BY b.user_id ORDER BY p.payment_id)
                   AS balance_after
        FROM unnest(p_bookings, p_amounts) AS n (concert_booking_id, amount)
        JOIN concert_booking b USING (concert_booking_id)
        JOIN payment p USING (concert_booking_id)
        JOIN users u ON u.user_id = b.user_id
    ), moved AS (
        INSERT INTO ledger (user_id, kind, amount, balance_after, payment_id, created_at)
        SELECT d.user_id, 'REFUND', d.amount, d.balance_after, d.payment_id, v_now
        FROM due d ORDER BY d.payment_id
        RETURNING ledger_id, payment_id, amount
    ), credited AS (
        UPDATE users u SET balance = u.balance + o.total, updated_at = v_now
        FROM (SELECT d.user_id, sum(d.amount) AS total FROM due d GROUP BY d.user_id) o
        WHERE u.user_id = o.user_id
    ), reduced AS (
        UPDATE payment p SET refunded_amount = p.refunded_amount + d.amount, updated_at = v_now
        FROM due d WHERE p.payment_id = d.payment_id
    ), given AS (
        INSERT INTO refund (payment_id, ledger_id, refund_amount, reason, operator, created_at)
        SELECT m.payment_id, m.ledger_id, m.amount, p_reason, p_operator, v_now
        FROM moved m ORDER BY m.ledger_id
        RETURNING refund_id, payment_id
    )
    SELECT jsonb_agg(jsonb_build_object(
        'refund_id', g.refund_id,
        'concert_booking_id', d.concert_booking_id,
        'refund_amount', money_text(d.amount, p_digits),
        'balance', money_text(d.balance_after, p_digits),
        'currency', p_currency,
        'created_at', utc_text(v_now)) ORDER BY g.refund_id)
    INTO v_refunds
    FROM given g JOIN due d USING (payment_id);
    PERFORM announce_bookings(
        'booking.refunded', array_agg((r ->> 'concert_booking_id')::bigint), p_currency, p_digits,
        array_agg(jsonb_build_object('refund_id', r -> 'refund_id',
                                     'refund_amount', r -> 'refund_amount', 'reason', p_reason)))
    FROM jsonb_array_elements(v_refunds) r;
    RETURN v_refunds;
END $$;

/*
cancel_paid -- end CONFIRMED bookings and give money of them back. For other functions, as above;
p_canceled is what the bookings say then, p_reason what the refunds say.
Lock order: counters by user_id and date, users by id.
Returns the refunds.
Keeps B2, B5, B6, B7, B10.
*/
CREATE OR REPLACE FUNCTION cancel_paid(
    p_bookings bigint[], p_amounts numeric[], p_canceled text, p_reason text, p_operator text,
    p_now timestamptz, p_currency text, p_digits integer
) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    v_refunds jsonb;
BEGIN
    PERFORM let_go(p_bookings, p_canceled, p_now);
    v_refunds := give_back(p_bookings, p_amounts, p_reason, p_operator, p_currency, p_digits);
    PERFORM announce_bookings('booking.canceled', p_bookings, p_currency, p_digits);
    RETURN v_refunds;
END $$;

/*
owners_refund -- what the owner of a CONFIRMED booking gets for canceling it at p_now, rounded down
to the minor unit; null where it cannot be canceled: the concert refunds nothing, its deadline (else
the date itself) has passed, or the ticket was used. Of a date that is canceled it is everything.
*/
CREATE OR REPLACE FUNCTION owners_refund(
    p_booking bigint, p_now timestamptz, p_digits integer
) RETURNS numeric LANGUAGE plpgsql AS $$
BEGIN
    RETURN (
        SELECT CASE
            WHEN d.state = 'canceled' THEN p.payment_amount - p.refunded_amount
            WHEN c.refund_percent > 0
                AND p_now < coalesce(d.refund_until, d.schedule_date)
                AND NOT EXISTS (SELECT FROM checkin k
                                WHERE k.concert_booking_id = b.concert_booking_id)
            THEN least(trunc(p.payment_amount * c.refund_percent / 100, p_digits),
                       p.payment_amount - p.refunded_amount) END
        FROM concert_booking b
        JOIN payment p USING (concert_booking_id)
        JOIN concert_schedule d USING (concert_schedule_id)
        JOIN concert c USING (concert_id)
        WHERE b.concert_booking_id = p_booking);
END $$;
