/*
create_intent -- write down that a provider is to collect the price of held seats. The provider is
asked for it afterwards, under the intent's own key, as often as it takes.
Locks: the key alone; whether the bookings can still be paid is judged again when money comes.
Returns outcome and body:
    created, replayed       {"payment_intent_id"}
    not_found               a booking that does not exist or belongs to somebody else
    foreign                 the token is of another room than a booking
    booking_expired         {"bookings": [ids]}
    not_payable             {"bookings": [ids]}
    nothing_to_collect      the seats are free
    too_many_intents        {"retry_after_s"}: p_most in the last hour that were not paid
    idempotency_key_reused, request_in_progress
Keeps B8.
*/
CREATE OR REPLACE FUNCTION create_intent(
    p_visitor text, p_room text, p_bookings bigint[], p_provider text, p_most integer,
    p_path text, p_key text, p_fingerprint bytea, OUT outcome text, OUT body jsonb
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    v_user bigint;
    v_found integer;
    v_foreign boolean;
    v_total numeric;
    v_unpaid integer;
    v_oldest timestamptz;
    v_intent bigint;
BEGIN
    SELECT o.user_id, o.outcome, o.body INTO v_user, outcome, body
    FROM begin_once(p_visitor, p_path, p_key, p_fingerprint) o;
    SELECT count(*), bool_or(b.room_id <> p_room) INTO v_found, v_foreign FROM concert_booking b
    WHERE b.concert_booking_id = ANY (p_bookings) AND b.user_id = v_user;
    IF v_foreign THEN
        outcome := 'foreign';
        body := NULL;
        RETURN;
    ELSIF outcome IS NOT NULL THEN
        RETURN;
    ELSIF v_found < cardinality(p_bookings) THEN
        outcome := 'not_found';
        RETURN;
    END IF;

    SELECT p.outcome, p.body, p.total INTO outcome, body, v_total
    FROM payable(p_bookings, clock_timestamp()) p;
    IF outcome IS NOT NULL THEN
        RETURN;
    ELSIF v_total = 0 THEN
        outcome := 'nothing_to_collect';
        RETURN;
    END IF;
    SELECT count(*), min(i.created_at) INTO v_unpaid, v_oldest FROM payment_intent i
    WHERE i.user_id = v_user AND i.created_at > now() - interval '1 hour'
      AND i.status <> 'succeeded';
    IF v_unpaid >= p_most THEN
        outcome := 'too_many_intents';
        body := jsonb_build_object('retry_after_s', greatest(1, ceil(extract(
            epoch FROM v_oldest + interval '1 hour' - clock_timestamp())))::integer);
        RETURN;
    END IF;

    -- Who asks for it asks the provider at once; it is due only should that fail.
    INSERT INTO payment_intent (user_id, room_id, concert_booking_ids, amount, provider,
                                next_attempt_at)
    VALUES (v_user, p_room, p_bookings, v_total, p_provider, now() + interval '15 seconds')
    RETURNING payment_intent_id INTO v_intent;
    outcome := 'created';
    body := jsonb_build_object('payment_intent_id', v_intent);
    PERFORM end_once(v_user, p_path, p_key, p_fingerprint, body);
END $$;
