/*
join_waitlist -- take a place in the line for a seat of a date that is sold out.
Lock order: the date's line; the seat of the visitor's own lapsed offer; then as let_go.
Returns outcome and body:
    joined, waiting     the place: a new one, or the live one that the visitor has already
    not_found           the date is unknown or off sale
    foreign             the token's room does not guard this concert
    sale_stopped        the date is stopped or canceled
    not_sold_out        a seat is free, and nobody waits for it
    limit_exceeded      {"limit": n, "live_seats": the visitor's of this date}: a seat more is too much
    unknown_token       the journal does not know the token yet: it comes a moment later
    not_admitted        {"retry_after_s"}: the token was not let in
Keeps B11: a place names the token that let its visitor in, and the journal knows it as admitted.
One place is for one seat; a visitor has one live place at most.
*/
CREATE OR REPLACE FUNCTION join_waitlist(
    p_visitor text, p_token text, p_room text, p_schedule bigint, p_currency text, p_digits integer,
    OUT outcome text, OUT body jsonb
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    v_user bigint;
    v_room text;
    v_state text;
    v_limit integer;
    v_live integer;
    v_entry bigint;               -- the visitor's live place
    v_seat bigint;                -- of its offer
    v_lapsed bigint;              -- its offer, if that is past its deadline
    v_token queue;
    v_now timestamptz;
BEGIN
    PERFORM lock_line(p_schedule);
    SELECT c.room_id, d.state, coalesce(l.own_limit, d.max_seats_per_user), u.user_id
    INTO v_room, v_state, v_limit, v_user
    FROM concert_schedule d
    JOIN concert c USING (concert_id)
    LEFT JOIN users u ON u.external_id = p_visitor
    LEFT JOIN user_schedule l
        ON l.concert_schedule_id = d.concert_schedule_id AND l.user_id = u.user_id
    WHERE d.concert_schedule_id = p_schedule AND c.off_sale_at IS NULL;
    IF NOT FOUND THEN
        outcome := 'not_found';
        RETURN;
    ELSIF v_room <> p_room THEN
        outcome := 'foreign';
        RETURN;
    END IF;

    SELECT w.waitlist_id, b.concert_seat_id,
           CASE WHEN b.status = 'PENDING' AND b.expiration_at <= clock_timestamp()
                THEN b.concert_booking_id END
    INTO v_entry, v_seat, v_lapsed
    FROM waitlist w LEFT JOIN concert_booking b USING (concert_booking_id)
    WHERE w.concert_schedule_id = p_schedule AND w.user_id = v_user AND w.status <> 'ENDED';
    IF v_entry IS NOT NULL AND v_lapsed IS NULL THEN
        outcome := 'waiting';
        body := waitlist_shown(v_entry, p_currency, p_digits);
        RETURN;
    ELSIF v_state <> 'on_sale' THEN
        outcome := 'sale_stopped';
        RETURN;
    ELSIF NOT EXISTS (SELECT FROM waitlist w
                      WHERE w.concert_schedule_id = p_schedule AND w.status = 'WAITING')
        AND EXISTS (SELECT FROM concert_seat s
                    WHERE s.concert_schedule_id = p_schedule AND is_free(s, clock_timestamp())) THEN
        outcome := 'not_sold_out';
        RETURN;
    END IF;
    WITH mine AS MATERIALIZED (SELECT * FROM concert_booking b WHERE b.user_id = v_user)
    SELECT count(*) INTO v_live FROM mine m
    WHERE m.concert_schedule_id = p_schedule
      AND (m.status = 'CONFIRMED' OR (m.status = 'PENDING' AND m.expiration_at > clock_timestamp()));
    IF v_live >= v_limit THEN
        outcome := 'limit_exceeded';
        body := jsonb_build_object('limit', v_limit, 'live_seats', v_live);
        RETURN;
    END IF;
    SELECT q.* INTO v_token FROM queue q WHERE q.token_value = p_token;
    IF NOT FOUND THEN
        outcome := 'unknown_token';
        RETURN;
    ELSIF v_token.admitted_at IS NULL THEN
        outcome := 'not_admitted';
        body := jsonb_build_object('retry_after_s', 1);
        RETURN;
    END IF;

    IF v_lapsed IS NOT NULL THEN
        PERFORM FROM concert_seat s WHERE s.concert_seat_id = v_seat FOR NO KEY UPDATE;
        v_now := clock_timestamp();
        IF EXISTS (SELECT FROM concert_booking b
                   WHERE b.concert_booking_id = v_lapsed AND b.status = 'PENDING') THEN
            PERFORM let_go(ARRAY[v_lapsed], 'expired', v_now);
        END IF;
    END IF;
    INSERT INTO waitlist (user_id, concert_schedule_id, room_id, token_value, created_at)
    VALUES (coalesce(v_user, (ensure_user(p_visitor)).user_id), p_schedule, p_room, p_token,
            clock_timestamp())
    RETURNING waitlist_id INTO v_entry;
    outcome := 'joined';
    body := waitlist_shown(v_entry, p_currency, p_digits);
END $$;
