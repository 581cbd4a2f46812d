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
settle_bookings -- sell held seats for money that is in their owner's balance. For other functions:
the caller holds the locks of the seats and the user, and has found the bookings payable, of one
room, and the balance (p_balance) enough. p_intent: the provider's payment that filled it, or null.
Returns the payments as answers show them, in the order of p_bookings, and completed: the jtis whose
visit this ends.
Keeps B2..B7.
*/
CREATE OR REPLACE FUNCTION settle_bookings(
    p_visitor text, p_bookings bigint[], p_balance numeric, p_intent bigint,
    p_now timestamptz, p_currency text, p_digits integer, OUT payments jsonb, OUT completed text[]
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    v_user bigint;
    v_room text;
BEGIN
    UPDATE concert_booking b SET status = 'CONFIRMED', updated_at = p_now
    WHERE b.concert_booking_id = ANY (p_bookings);
    UPDATE concert_seat s
    SET status = 'SOLD', held_until = NULL, changed_xid = pg_current_xact_id(), updated_at = p_now
    WHERE s.concert_seat_id = ANY (ARRAY(
        SELECT b.concert_seat_id FROM concert_booking b WHERE b.concert_booking_id = ANY (p_bookings)));
    UPDATE waitlist w SET status = 'ENDED', reason = 'taken', updated_at = p_now
    WHERE w.concert_booking_id = ANY (p_bookings) AND w.status = 'OFFERED';
    WITH paid AS (
        INSERT INTO payment AS p (concert_booking_id, payment_amount, payment_intent_id,
                                  created_at, updated_at)
        SELECT b.concert_booking_id, b.price, p_intent, p_now, p_now FROM concert_booking b
        WHERE b.concert_booking_id = ANY (p_bookings)
        ORDER BY array_position(p_bookings, b.concert_booking_id)
        RETURNING p.payment_id, p.concert_booking_id, p.payment_amount
    ), owner AS (
        SELECT b.user_id, b.room_id FROM concert_booking b
        WHERE b.concert_booking_id = p_bookings[1]
    ), moved AS (
        INSERT INTO ledger (user_id, kind, amount, balance_after, payment_id, created_at)
        SELECT o.user_id, 'PAYMENT', -p.payment_amount,
               p_balance - sum(p.payment_amount) OVER (ORDER BY p.payment_id), p.payment_id, p_now
        FROM paid p, owner o ORDER BY p.payment_id
    ), spent AS (
        UPDATE users u SET updated_at = p_now,
            balance = u.balance - (SELECT sum(p.payment_amount) FROM paid p)
        FROM owner o WHERE u.user_id = o.user_id
    )
    SELECT o.user_id, o.room_id, jsonb_agg(jsonb_build_object(
        'payment_id', p.payment_id,
        'concert_booking_id', p.concert_booking_id,
        'payment_amount', money_text(p.payment_amount, p_digits),
        'created_at', utc_text(p_now)) ORDER BY p.payment_id)
    INTO v_user, v_room, payments FROM paid p, owner o GROUP BY o.user_id, o.room_id;

    -- MATERIALIZED: by its visitor, not through the index of all deadlines.
    IF NOT EXISTS (WITH mine AS MATERIALIZED (
                       SELECT * FROM concert_booking b WHERE b.user_id = v_user)
                   SELECT FROM mine m
                   WHERE m.room_id = v_room AND m.status = 'PENDING'
                     AND m.expiration_at > p_now) THEN
        SELECT array_agg(DISTINCT b.token_value) INTO completed FROM concert_booking b
        WHERE b.concert_booking_id = ANY (p_bookings);
        -- Who pays tells Redis at once; the row is due only should that fail.
        INSERT INTO token_completion (token_value, room_id, visitor, generation, number,
                                      next_attempt_at)
        SELECT t, v_room, p_visitor, split_part(t, '.', 2)::bigint, split_part(t, '.', 3)::bigint,
               p_now + interval '1 second'
        FROM unnest(completed) t
        ON CONFLICT (token_value) DO NOTHING;
    END IF;
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

    SELECT s.payments, s.completed INTO body, completed
    FROM settle_bookings(p_visitor, p_bookings, v_balance, NULL, v_now, p_currency, p_digits) s;
    outcome := 'paid';
    body := jsonb_build_object(
        'payments', body,
        'total', money_text(v_total, p_digits),
        'balance', money_text(v_balance - v_total, p_digits),
        'currency', p_currency);
    PERFORM end_once(v_user, p_path, p_key, p_fingerprint, body);
END $$;
