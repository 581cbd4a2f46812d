/*
settle_intent -- what a provider says of a payment, whoever heard it: its event, or our question.
    p_status    succeeded, declined, expired (it cannot be paid any more), refunded
    p_amount    what was collected, p_collected its currency; anything but what was asked for is
                given back
Lock order: seats by id, the intent, the user. The clock is read after the locks.
Success pays all the bookings of the intent exactly as their owner would from the balance: a CHARGE
of what was collected, a PAYMENT each. Where that is not possible (too late for one of them, another
amount) nothing is paid, no balance moves, and the intent is refund_due: booking_api/intents.py has
the provider give the money back.
A success after a decline counts (another card); whatever comes after the money does not.
Returns outcome (succeeded, refund_due, refunded, declined; unchanged), whose it is, and completed:
the jtis whose visit this ends.
Keeps B2..B7.
*/
CREATE OR REPLACE FUNCTION settle_intent(
    p_intent bigint, p_status text, p_reference text, p_amount numeric, p_collected text,
    p_currency text, p_digits integer, OUT outcome text, OUT visitor text, OUT completed text[]
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    v_intent payment_intent;
    v_balance numeric;
    v_now timestamptz;
BEGIN
    PERFORM FROM concert_seat s
    WHERE s.concert_seat_id = ANY (ARRAY(
        SELECT b.concert_seat_id FROM concert_booking b
        WHERE b.concert_booking_id = ANY (ARRAY(
            SELECT unnest(i.concert_booking_ids) FROM payment_intent i
            WHERE i.payment_intent_id = p_intent))))
    ORDER BY s.concert_seat_id FOR NO KEY UPDATE;
    SELECT i.* INTO STRICT v_intent FROM payment_intent i WHERE i.payment_intent_id = p_intent
    FOR NO KEY UPDATE;
    outcome := 'unchanged';

    IF p_status = 'refunded' AND v_intent.status = 'refund_due' THEN
        outcome := 'refunded';
    ELSIF p_status IN ('declined', 'expired') AND v_intent.status IN ('created', 'declined') THEN
        outcome := 'declined';
    ELSIF p_status = 'succeeded' AND v_intent.status IN ('created', 'declined') THEN
        SELECT u.external_id, u.balance INTO visitor, v_balance FROM users u
        WHERE u.user_id = v_intent.user_id FOR NO KEY UPDATE;
        v_now := clock_timestamp();
        outcome := 'refund_due';
        IF p_amount = v_intent.amount AND p_collected = p_currency
            AND (SELECT p.outcome IS NULL AND p.total = v_intent.amount
                 FROM payable(v_intent.concert_booking_ids, v_now) p) THEN
            outcome := 'succeeded';
        END IF;
    END IF;

    UPDATE payment_intent i
    SET status = CASE WHEN outcome = 'unchanged' THEN i.status ELSE outcome END,
        reference = coalesce(i.reference, p_reference),
        attempts = CASE WHEN outcome = 'refund_due' THEN 0 ELSE i.attempts END,
        next_attempt_at = CASE
            WHEN outcome = 'refund_due' THEN v_now
            WHEN outcome IN ('succeeded', 'refunded') OR (outcome = 'declined' AND p_status = 'expired')
            THEN NULL
            ELSE i.next_attempt_at END,
        updated_at = clock_timestamp()
    WHERE i.payment_intent_id = p_intent;
    IF outcome = 'succeeded' THEN
        INSERT INTO ledger (user_id, kind, amount, balance_after, payment_intent_id, created_at)
        VALUES (v_intent.user_id, 'CHARGE', v_intent.amount, v_balance + v_intent.amount, p_intent,
                v_now);
        UPDATE users u SET balance = u.balance + v_intent.amount
        WHERE u.user_id = v_intent.user_id;
        SELECT s.completed INTO completed
        FROM settle_bookings(v_intent.concert_booking_ids, p_intent, v_now, p_currency, p_digits) s;
    END IF;
END $$;

/*
take_event -- one event of a provider, once: its row is written in the transaction of its effect, and
who comes with the same event waits for it and changes nothing.
    p_key, p_reference  our name and the provider's name of the payment; either finds it, because
                        the event may be faster than the answer that tells us the provider's name
Lock order: the event, then as settle_intent.
Returns outcome and body, whose it is, and completed: the jtis whose visit this ends.
    succeeded, refund_due, refunded, declined, unchanged
    replayed            the event was taken before
    unknown_intent      it is about nothing that we asked for
    ignored             of a kind that changes nothing
*/
CREATE OR REPLACE FUNCTION take_event(
    p_provider text, p_event text, p_kind text, p_happened_at timestamptz,
    p_key uuid, p_reference text, p_amount numeric, p_collected text,
    p_currency text, p_digits integer,
    OUT outcome text, OUT body jsonb, OUT visitor text, OUT completed text[]
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    v_intent bigint;
BEGIN
    SELECT i.payment_intent_id INTO v_intent FROM payment_intent i
    WHERE i.provider = p_provider AND i.key = p_key
      AND coalesce(i.reference, p_reference) = p_reference;
    IF v_intent IS NULL THEN
        SELECT i.payment_intent_id INTO v_intent FROM payment_intent i
        WHERE i.provider = p_provider AND i.reference = p_reference;
    END IF;
    INSERT INTO provider_event (provider, event_id, kind, payment_intent_id, happened_at)
    VALUES (p_provider, p_event, p_kind, v_intent, p_happened_at)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        outcome := 'replayed';
    ELSIF v_intent IS NULL THEN
        outcome := 'unknown_intent';
    ELSIF p_kind NOT IN ('intent.succeeded', 'intent.declined', 'intent.expired',
                         'intent.refunded') THEN
        outcome := 'ignored';
    ELSE
        SELECT s.outcome, s.visitor, s.completed INTO outcome, visitor, completed
        FROM settle_intent(v_intent, split_part(p_kind, '.', 2), p_reference, p_amount, p_collected,
                           p_currency, p_digits) s;
    END IF;
END $$;
