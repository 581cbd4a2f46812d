/*
payable -- whether bookings can be paid at p_now. Nothing is paid of a date that is canceled.
Returns outcome (null: yes; booking_expired, not_payable), body {"bookings": [ids]}, their total.
*/
CREATE OR REPLACE FUNCTION payable(
    p_bookings bigint[], p_now timestamptz, OUT outcome text, OUT body jsonb, OUT total numeric
) LANGUAGE plpgsql AS $$
DECLARE
    v_expired bigint[];
    v_final bigint[];
BEGIN
    SELECT array_agg(b.concert_booking_id ORDER BY b.concert_booking_id) FILTER (
               WHERE b.canceled_reason = 'expired'
                  OR (b.status = 'PENDING' AND b.expiration_at <= p_now)),
           array_agg(b.concert_booking_id ORDER BY b.concert_booking_id) FILTER (
               WHERE b.status = 'CONFIRMED' OR b.canceled_reason <> 'expired'
                  OR (b.status = 'PENDING' AND d.state = 'canceled')),
           sum(b.price)
    INTO v_expired, v_final, total
    FROM concert_booking b JOIN concert_schedule d USING (concert_schedule_id)
    WHERE b.concert_booking_id = ANY (p_bookings);
    IF v_expired IS NOT NULL THEN
        outcome := 'booking_expired';
        body := jsonb_build_object('bookings', v_expired);
    ELSIF v_final IS NOT NULL THEN
        outcome := 'not_payable';
        body := jsonb_build_object('bookings', v_final);
    END IF;
END $$;

/*
settle_bookings -- sell held seats for money that is in their owners' balances. For other functions:
the caller holds the locks of the seats and the users, and has found the bookings payable, those of
one owner of one room, and the balances enough. p_intent: the provider's payment that filled one, or
null.
Returns a row for each owner: the body of the answer to the payment, its payments in the order of
p_bookings, and completed: the jtis whose visit this ends, or null.
One statement for all of them: nothing that it reads can change, for what it reads is locked.
Keeps B2..B7.
*/
DROP FUNCTION IF EXISTS settle_bookings(text, bigint[], numeric, bigint, timestamptz, text, integer);
CREATE OR REPLACE FUNCTION settle_bookings(
    p_bookings bigint[], p_intent bigint, p_now timestamptz, p_currency text, p_digits integer
) RETURNS TABLE (user_id bigint, body jsonb, completed text[])
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
    RETURN QUERY
    WITH confirmed AS (
        UPDATE concert_booking b SET status = 'CONFIRMED', updated_at = p_now
        WHERE b.concert_booking_id = ANY (p_bookings)
        RETURNING b.concert_booking_id, b.concert_seat_id, b.user_id, b.room_id, b.token_value, b.price
    ), sold AS (
        UPDATE concert_seat s
        SET status = 'SOLD', held_until = NULL, changed_xid = pg_current_xact_id(), updated_at = p_now
        WHERE s.concert_seat_id = ANY (ARRAY(SELECT c.concert_seat_id FROM confirmed c))
    ), taken AS (
        UPDATE waitlist w SET status = 'ENDED', reason = 'taken', updated_at = p_now
        WHERE w.concert_booking_id = ANY (p_bookings) AND w.status = 'OFFERED'
    ), paid AS (
        INSERT INTO payment AS p (concert_booking_id, payment_amount, payment_intent_id,
                                  created_at, updated_at)
        SELECT c.concert_booking_id, c.price, p_intent, p_now, p_now FROM confirmed c
        ORDER BY array_position(p_bookings, c.concert_booking_id)
        RETURNING p.payment_id, p.concert_booking_id, p.payment_amount
    ), owner AS MATERIALIZED (
        SELECT u.user_id, u.external_id, u.balance FROM users u
        WHERE u.user_id = ANY (ARRAY(SELECT c.user_id FROM confirmed c))
    ), due AS MATERIALIZED (
        SELECT o.user_id, p.payment_id, p.concert_booking_id, p.payment_amount,
               o.balance - sum(p.payment_amount) OVER (
                   PARTITION BY o.user_id ORDER BY p.payment_id) AS balance_after
        FROM paid p
        JOIN confirmed c ON c.concert_booking_id = p.concert_booking_id
        JOIN owner o ON o.user_id = c.user_id
    ), moved AS (
        INSERT INTO ledger (user_id, kind, amount, balance_after, payment_id, created_at)
        SELECT d.user_id, 'PAYMENT', -d.payment_amount, d.balance_after, d.payment_id, p_now
        FROM due d ORDER BY d.payment_id
    ), spent AS (
        UPDATE users u SET updated_at = p_now,
            balance = u.balance - (SELECT sum(d.payment_amount) FROM due d WHERE d.user_id = u.user_id)
        WHERE u.user_id = ANY (ARRAY(SELECT o.user_id FROM owner o))
    ), mine AS MATERIALIZED (  -- by its visitor, not through the index of all deadlines
        SELECT b.* FROM concert_booking b
        WHERE b.user_id = ANY (ARRAY(SELECT o.user_id FROM owner o))
    ), visit AS MATERIALIZED (
        SELECT DISTINCT c.user_id, c.room_id, c.token_value FROM confirmed c
        WHERE NOT EXISTS (
            SELECT FROM mine m
            WHERE m.user_id = c.user_id AND m.room_id = c.room_id AND m.status = 'PENDING'
              AND m.expiration_at > p_now AND m.concert_booking_id <> ALL (p_bookings))
    ), ended AS (
        -- Who pays tells Redis at once; the row is due only should that fail.
        INSERT INTO token_completion (token_value, room_id, visitor, generation, number,
                                      next_attempt_at)
        SELECT v.token_value, v.room_id, o.external_id, split_part(v.token_value, '.', 2)::bigint,
               split_part(v.token_value, '.', 3)::bigint, p_now + interval '1 second'
        FROM visit v JOIN owner o ON o.user_id = v.user_id
        ON CONFLICT (token_value) DO NOTHING
    )
    SELECT d.user_id,
           jsonb_build_object(
               'payments', jsonb_agg(jsonb_build_object(
                   'payment_id', d.payment_id,
                   'concert_booking_id', d.concert_booking_id,
                   'payment_amount', money_text(d.payment_amount, p_digits),
                   'created_at', utc_text(p_now)) ORDER BY d.payment_id),
               'total', money_text(sum(d.payment_amount), p_digits),
               'balance', money_text(min(d.balance_after), p_digits),
               'currency', p_currency),
           (SELECT array_agg(v.token_value) FROM visit v WHERE v.user_id = d.user_id)
    FROM due d GROUP BY d.user_id;
    PERFORM announce_bookings('booking.confirmed', p_bookings, p_currency, p_digits);
END $$;

/*
pay_bookings -- pay all the named bookings from their owner's balance, or none.
Lock order: key, seats by id (a booking is written only under its seat's lock), the user. The clock
is read after the locks.
Everything is checked before the first write, so a refusal leaves nothing behind.
Returns outcome, body, and completed: the jtis whose visit this payment ends.
    paid, replayed          the answer of the POST
    not_found               a booking that does not exist or belongs to somebody else
    foreign                 the token is of another room than a booking
    booking_expired         {"bookings": [ids]}, also after somebody else took the seat
    not_payable             {"bookings": [ids]}, paid already or canceled by the owner
    insufficient_balance    {"shortfall", "balance", "total", "currency"}
    idempotency_key_reused, request_in_progress
Keeps B2..B8. The user row serialises one visitor's payments, so the last of two concurrent ones
sees that nothing is left to pay and completes the token. Plans: as for hold_seats.
*/
CREATE OR REPLACE FUNCTION pay_bookings(
    p_visitor text, p_room text, p_bookings bigint[],
    p_path text, p_key text, p_fingerprint bytea, p_currency text, p_digits integer,
    OUT outcome text, OUT body jsonb, OUT completed text[]
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    v_user bigint;
    v_seats bigint[];
    v_foreign boolean;
    v_total numeric;
    v_balance numeric;
    v_now timestamptz;
BEGIN
    SELECT o.user_id, o.outcome, o.body INTO v_user, outcome, body
    FROM begin_once(p_visitor, p_path, p_key, p_fingerprint) o;

    SELECT array_agg(b.concert_seat_id), bool_or(b.room_id <> p_room) INTO v_seats, v_foreign
    FROM concert_booking b
    WHERE b.concert_booking_id = ANY (p_bookings) AND b.user_id = v_user;
    IF v_foreign THEN
        outcome := 'foreign';
        body := NULL;
        RETURN;
    ELSIF outcome IS NOT NULL THEN
        RETURN;
    ELSIF coalesce(cardinality(v_seats), 0) < cardinality(p_bookings) THEN
        outcome := 'not_found';
        RETURN;
    END IF;

    -- A look without locks: what has visibly ended is refused without waiting for anybody.
    SELECT p.outcome, p.body INTO outcome, body FROM payable(p_bookings, clock_timestamp()) p;
    IF outcome IS NOT NULL THEN
        RETURN;
    END IF;

    PERFORM FROM concert_seat s WHERE s.concert_seat_id = ANY (v_seats)
    ORDER BY s.concert_seat_id FOR NO KEY UPDATE;
    SELECT u.balance INTO STRICT v_balance FROM users u WHERE u.user_id = v_user FOR NO KEY UPDATE;
    v_now := clock_timestamp();

    SELECT p.outcome, p.body, p.total INTO outcome, body, v_total FROM payable(p_bookings, v_now) p;
    IF outcome IS NOT NULL THEN
        RETURN;
    ELSIF v_balance < v_total THEN
        outcome := 'insufficient_balance';
        body := jsonb_build_object(
            'shortfall', money_text(v_total - v_balance, p_digits),
            'balance', money_text(v_balance, p_digits),
            'total', money_text(v_total, p_digits),
            'currency', p_currency);
        RETURN;
    END IF;

    SELECT s.body, s.completed INTO body, completed
    FROM settle_bookings(p_bookings, NULL, v_now, p_currency, p_digits) s;
    outcome := 'paid';
    PERFORM end_once(v_user, p_path, p_key, p_fingerprint, body);
END $$;
