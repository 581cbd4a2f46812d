/*
refund_booking -- give money of a paid booking back, at its owner's wish or an operator's.
    p_visitor   the owner: the booking is canceled for what the concert's terms give (p_amount null)
    p_operator  or the operator's name: p_amount of any visitor's booking, for p_reason; giving back
                all that is left cancels the booking
Lock order: key, seat, counter, the user. The clock is read after the seat's lock.
An operator's key is its own scope, beside the owner's keys.
Returns outcome and body:
    refunded, replayed      the answer of the POST
    not_found               no such booking, or somebody else's
    confirmed               it is not, or no longer, refundable by its owner
    not_refundable          {"refundable": what is left}: not paid, canceled, or p_amount is not
                            within what is left
    idempotency_key_reused, request_in_progress
Keeps B2, B5..B8, B10.
*/
CREATE OR REPLACE FUNCTION refund_booking(
    p_visitor text, p_operator text, p_booking bigint, p_amount numeric, p_reason text,
    p_path text, p_key text, p_fingerprint bytea, p_currency text, p_digits integer,
    OUT outcome text, OUT body jsonb
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    v_key CONSTANT text := concat_ws(' ', p_operator, p_key);  -- no key of a request has a space
    v_owner text;
    v_booking concert_booking;
    v_left numeric := 0;
    v_amount numeric := p_amount;
    v_now timestamptz;
BEGIN
    SELECT u.external_id INTO v_owner FROM concert_booking b JOIN users u USING (user_id)
    WHERE b.concert_booking_id = p_booking
      AND (p_operator IS NOT NULL OR u.external_id = p_visitor);
    IF NOT FOUND THEN
        outcome := 'not_found';
        RETURN;
    END IF;
    SELECT o.outcome, o.body INTO outcome, body
    FROM begin_once(v_owner, p_path, v_key, p_fingerprint) o;
    IF outcome IS NOT NULL THEN
        RETURN;
    END IF;

    PERFORM FROM concert_seat s
    WHERE s.concert_seat_id = (SELECT b.concert_seat_id FROM concert_booking b
                               WHERE b.concert_booking_id = p_booking)
    FOR NO KEY UPDATE;
    v_now := clock_timestamp();
    SELECT b.* INTO v_booking FROM concert_booking b WHERE b.concert_booking_id = p_booking;
    IF v_booking.status = 'CONFIRMED' THEN
        SELECT p.payment_amount - p.refunded_amount INTO v_left FROM payment p
        WHERE p.concert_booking_id = p_booking;
        IF p_operator IS NULL THEN
            v_amount := owners_refund(p_booking, v_now, p_digits);
            IF v_amount IS NULL THEN
                outcome := 'confirmed';
                RETURN;
            END IF;
        END IF;
    END IF;
    IF v_booking.status <> 'CONFIRMED' OR v_amount > v_left
        OR (p_operator IS NOT NULL AND v_amount = 0 AND v_left > 0) THEN
        outcome := 'not_refundable';
        body := jsonb_build_object('refundable', money_text(v_left, p_digits));
        RETURN;
    END IF;

    IF p_operator IS NULL OR v_amount = v_left THEN
        body := cancel_paid(
            ARRAY[p_booking], ARRAY[v_amount],
            CASE WHEN p_operator IS NULL THEN 'refunded' ELSE 'operator' END,
            p_reason, p_operator, v_now, p_currency, p_digits);
    ELSE
        body := give_back(ARRAY[p_booking], ARRAY[v_amount], p_reason, p_operator, p_currency,
                          p_digits);
    END IF;
    outcome := 'refunded';
    body := body -> 0;
    IF p_operator IS NOT NULL THEN
        PERFORM audit_done(
            p_operator, 'booking.refund', v_booking.room_id, p_booking::text,
            jsonb_build_object('amount', money_text(v_amount, p_digits), 'reason', p_reason));
    END IF;
    PERFORM end_once(v_booking.user_id, p_path, v_key, p_fingerprint, body);
END $$;
