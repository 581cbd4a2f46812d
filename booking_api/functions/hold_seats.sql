/*
hold_seats -- hold seats of one date for one visitor: all of them or none.
    p_seats         the named ones, or null for
    p_count         the best available: so many, side by side in a row if p_adjacent, of p_section and
                    none dearer than p_max_price if these are given; p_candidates as lock_best
Where the date avoids orphans, neither leaves one while there is another choice; see orphaned.
Lock order: key, seats by id (with those beside them, where orphans are avoided; the best available
as lock_best), counters by user_id (and as let_go). The clock is read after the seats. A booking is
written only under its seat's lock, here and everywhere, and so needs none of its own.
Everything is checked before the first write, so a refusal leaves nothing behind.
Returns outcome and body:
    held, replayed       the answer of the POST
    not_found            {"seats": [unknown]}, or null for a date that is unknown or off sale
    foreign              the token's room does not guard this concert
    sale_stopped         the date is stopped or canceled
    hold_churn           {"retry_after_s"}: the visitor's bucket of seats let go has no room for one
                         more; in it are those whose end is written: canceled, swept, taken over
    seat_taken           {"seats": [taken]}
    list_first           the seats are free, and somebody is on the date's waiting list
    limit_exceeded       {"limit": n, "live_seats": the visitor's of this date}
    none_left            {"count", "adjacent"}: no so many such seats are free
    busy                 others were faster again and again, though something is left; ask again
    orphan_seat          {"seats": [the orphans]}
    idempotency_key_reused (before all others), request_in_progress
Of several reasons the first of this list is given (unknown seats come after hold_churn), unless it
came up while the seats were waited for.
Keeps B1, B2, B5, B8, B10, B11. A hold past its deadline is taken over here, judged by the seat row
alone; the visitor's own such holds of this date are let go when they are in the way of the limit.
Plans: made once for a session, perhaps when the tables are nearly empty, and used in the rush; so
they are made without looking at numbers that will not be true then.
*/
CREATE OR REPLACE FUNCTION hold_seats(
    p_visitor text, p_token text, p_room text, p_schedule bigint, p_seats text[],
    p_count integer, p_adjacent boolean, p_section text, p_max_price numeric, p_candidates bigint[],
    p_path text, p_key text, p_fingerprint bytea, p_currency text, p_digits integer,
    OUT outcome text, OUT body jsonb
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    v_count CONSTANT integer := coalesce(cardinality(p_seats), p_count);
    v_user bigint;
    v_room text;
    v_ttl_s integer;
    v_limit integer;
    v_state text;
    v_live integer;               -- live seats of the visitor on this date
    v_churn integer;              -- seats that may be let go in an hour, 0: any number
    v_let_go numeric;             -- and how many of them count now
    v_waited_for boolean;         -- whether somebody is on the waiting list
    v_avoid boolean;              -- whether the date avoids orphans
    v_wanted bigint[];            -- the seats asked for, in that order
    v_beside bigint[];            -- those that decide about orphans with them
    v_own bigint[];               -- seats of the visitor's own holds past their deadline
    v_locked bigint[];
    v_taken text[];
    v_there integer;
    v_orphans text[];
    v_stale bigint[];             -- bookings past their deadline on locked seats
    v_now timestamptz;
    v_until timestamptz;
BEGIN
    SELECT o.user_id, o.outcome, o.body INTO v_user, outcome, body
    FROM begin_once(p_visitor, p_path, p_key, p_fingerprint) o;
    IF outcome IS NOT NULL THEN
        RETURN;
    END IF;

    SELECT c.room_id, d.state, d.hold_ttl_s, coalesce(l.own_limit, d.max_seats_per_user),
           coalesce(l.live_seats, 0),
           d.max_let_go_per_hour, let_go_now(l, d.max_let_go_per_hour, clock_timestamp()),
           d.avoid_orphans,
           EXISTS (SELECT FROM waitlist w
                   WHERE w.concert_schedule_id = p_schedule AND w.status = 'WAITING')
    INTO v_room, v_state, v_ttl_s, v_limit, v_live, v_churn, v_let_go, v_avoid,
         v_waited_for
    FROM concert_schedule d
    JOIN concert c USING (concert_id)
    LEFT JOIN user_schedule l
        ON l.concert_schedule_id = d.concert_schedule_id AND l.user_id = v_user
    WHERE d.concert_schedule_id = p_schedule AND c.off_sale_at IS NULL;
    IF NOT FOUND THEN
        outcome := 'not_found';
        RETURN;
    ELSIF v_room <> p_room THEN
        outcome := 'foreign';
        RETURN;
    ELSIF v_state <> 'on_sale' THEN
        outcome := 'sale_stopped';
        RETURN;
    ELSIF v_churn > 0 AND v_let_go > v_churn - 1 THEN
        outcome := 'hold_churn';
        body := jsonb_build_object(
            'retry_after_s', ceil((v_let_go - v_churn + 1) * 3600 / v_churn));
        RETURN;
    END IF;

    IF p_seats IS NOT NULL THEN
        -- A look without locks: who comes visibly too late goes without waiting for anybody.
        SELECT array_agg(s.concert_seat_id ORDER BY array_position(p_seats, s.seat_number)),
               array_agg(s.seat_number ORDER BY s.seat_number) FILTER (
                   WHERE s.status = 'SOLD'
                      OR (s.status = 'RESERVED' AND s.held_until > clock_timestamp()))
        INTO v_wanted, v_taken
        FROM concert_seat s
        WHERE s.concert_schedule_id = p_schedule AND s.seat_number = ANY (p_seats);
        IF coalesce(cardinality(v_wanted), 0) < v_count THEN
            outcome := 'not_found';
            body := jsonb_build_object('seats', (
                SELECT jsonb_agg(n.seat ORDER BY n.place)
                FROM unnest(p_seats) WITH ORDINALITY AS n (seat, place)
                WHERE NOT EXISTS (SELECT FROM concert_seat s
                                  WHERE s.concert_schedule_id = p_schedule AND s.seat_number = n.seat)));
            RETURN;
        ELSIF v_taken IS NOT NULL THEN
            outcome := 'seat_taken';
            body := jsonb_build_object('seats', v_taken);
            RETURN;
        END IF;
    END IF;
    IF v_waited_for THEN
        outcome := 'list_first';
        RETURN;
    END IF;

    IF v_live + v_count > v_limit THEN
        -- The counter is looked at again with them: one that somebody took over since the first look
        -- must not be counted as live. MATERIALIZED: by its visitor, not through the index of all
        -- deadlines.
        WITH mine AS MATERIALIZED (SELECT * FROM concert_booking b WHERE b.user_id = v_user)
        SELECT array_agg(m.concert_seat_id),
               coalesce((SELECT c.live_seats FROM user_schedule c
                         WHERE c.user_id = v_user AND c.concert_schedule_id = p_schedule), 0)
                   - count(*)
        INTO v_own, v_live FROM mine m
        WHERE m.concert_schedule_id = p_schedule
          AND m.status = 'PENDING' AND m.expiration_at <= clock_timestamp();
        IF v_live + v_count > v_limit THEN
            outcome := 'limit_exceeded';
            body := jsonb_build_object('limit', v_limit, 'live_seats', v_live);
            RETURN;
        END IF;
    END IF;

    IF p_seats IS NULL THEN
        SELECT b.outcome, b.seats INTO outcome, v_wanted
        FROM lock_best(p_schedule, p_count, p_adjacent, p_section, p_max_price, p_candidates, v_own,
                       v_avoid) b;
        IF v_wanted IS NULL THEN
            body := jsonb_build_object('count', p_count, 'adjacent', p_adjacent);
            RETURN;
        END IF;
    ELSE
        IF v_avoid THEN
            v_beside := beside(p_schedule, v_wanted);
        END IF;
        v_locked := v_wanted || v_own || v_beside;
        PERFORM FROM concert_seat s WHERE s.concert_seat_id = ANY (v_locked)
        ORDER BY s.concert_seat_id FOR NO KEY UPDATE;
    END IF;
    v_now := clock_timestamp();
    v_locked := v_wanted || v_own;

    SELECT array_agg(s.seat_number ORDER BY s.seat_number) FILTER (
               WHERE s.concert_seat_id = ANY (v_wanted)
                 AND (s.status = 'SOLD' OR (s.status = 'RESERVED' AND s.held_until > v_now))),
           array_agg(s.concert_booking_id) FILTER (
               WHERE s.status = 'RESERVED' AND s.held_until <= v_now),
           (SELECT d.state FROM concert_schedule d WHERE d.concert_schedule_id = p_schedule),
           EXISTS (SELECT FROM waitlist w
                   WHERE w.concert_schedule_id = p_schedule AND w.status = 'WAITING'),
           count(*) FILTER (WHERE s.concert_seat_id = ANY (v_wanted))
    INTO v_taken, v_stale, v_state, v_waited_for, v_there
    FROM concert_seat s WHERE s.concert_seat_id = ANY (v_locked);
    IF v_there < v_count THEN
        outcome := 'not_found';  -- an operator took a seat out of the hall in this moment
        RETURN;
    ELSIF v_taken IS NOT NULL THEN
        outcome := 'seat_taken';
        body := jsonb_build_object('seats', v_taken);
        RETURN;
    ELSIF v_waited_for THEN
        outcome := 'list_first';
        RETURN;
    ELSIF v_state <> 'on_sale' THEN
        outcome := 'sale_stopped';
        RETURN;
    END IF;
    IF v_avoid AND p_seats IS NOT NULL THEN
        v_orphans := orphaned(p_schedule, v_wanted, NULL, NULL, v_now);
        IF v_orphans IS NOT NULL THEN
            outcome := 'orphan_seat';
            body := jsonb_build_object('seats', v_orphans);
            RETURN;
        END IF;
    END IF;

    v_user := coalesce(v_user, (ensure_user(p_visitor)).user_id);
    IF v_stale IS NOT NULL THEN
        -- With a row of one's own, the counters can be locked in their order and judged.
        INSERT INTO user_schedule (user_id, concert_schedule_id, live_seats, seat_limit)
        VALUES (v_user, p_schedule, 0, v_limit) ON CONFLICT DO NOTHING;
        PERFORM FROM user_schedule c
        WHERE c.concert_schedule_id = p_schedule
          AND (c.user_id = v_user OR c.user_id IN (
              SELECT b.user_id FROM concert_booking b WHERE b.concert_booking_id = ANY (v_stale)))
        ORDER BY c.user_id FOR NO KEY UPDATE;
        SELECT c.live_seats - (SELECT count(*) FROM concert_booking b
                               WHERE b.concert_booking_id = ANY (v_stale) AND b.user_id = v_user)
        INTO v_live
        FROM user_schedule c WHERE c.user_id = v_user AND c.concert_schedule_id = p_schedule;
        IF v_live + v_count > v_limit THEN
            outcome := 'limit_exceeded';
            body := jsonb_build_object('limit', v_limit, 'live_seats', v_live);
            RETURN;
        END IF;
        PERFORM let_go(v_stale, 'expired', v_now);
    END IF;

    -- The first write is the one that may still refuse; a visitor without a row cannot be refused,
    -- nor can one whose row is locked and judged.
    INSERT INTO user_schedule AS c (user_id, concert_schedule_id, live_seats, seat_limit)
    VALUES (v_user, p_schedule, v_count, v_limit)
    ON CONFLICT (user_id, concert_schedule_id) DO UPDATE
    SET live_seats = c.live_seats + v_count, seat_limit = v_limit
    WHERE c.live_seats + v_count <= v_limit;
    IF NOT FOUND THEN
        outcome := 'limit_exceeded';
        SELECT jsonb_build_object('limit', v_limit, 'live_seats', c.live_seats)
        INTO body FROM user_schedule c
        WHERE c.user_id = v_user AND c.concert_schedule_id = p_schedule;
        RETURN;
    END IF;

    -- Whole milliseconds, so that the deadline shown is the deadline kept.
    v_until := date_trunc('milliseconds', v_now) + v_ttl_s * interval '1 second';
    WITH made AS (
        INSERT INTO concert_booking AS b (user_id, concert_seat_id, concert_schedule_id, room_id,
                                          token_value, price, expiration_at, created_at, updated_at)
        SELECT v_user, s.concert_seat_id, p_schedule, p_room, p_token, s.price, v_until, v_now, v_now
        FROM concert_seat s WHERE s.concert_seat_id = ANY (v_wanted)
        ORDER BY array_position(v_wanted, s.concert_seat_id)
        RETURNING b.concert_booking_id, b.concert_seat_id, b.price
    ), reserved AS (
        UPDATE concert_seat s
        SET status = 'RESERVED', concert_booking_id = m.concert_booking_id, held_until = v_until,
            changed_xid = pg_current_xact_id(), updated_at = v_now
        FROM made m WHERE s.concert_seat_id = m.concert_seat_id
        RETURNING s.seat_number, m.concert_booking_id, m.concert_seat_id, m.price
    )
    SELECT 'held', hold_answer(jsonb_agg(
        hold_shown(r.concert_booking_id, p_schedule, r.concert_seat_id, r.seat_number, r.price,
                   v_until, v_now, p_currency, p_digits)
        ORDER BY r.concert_booking_id), sum(r.price), p_currency, p_digits)
    INTO outcome, body FROM reserved r;

    PERFORM end_once(v_user, p_path, p_key, p_fingerprint, body);
END $$;
