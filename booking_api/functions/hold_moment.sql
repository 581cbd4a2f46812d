/*
hold_moment -- hold named seats for many visitors in one statement and one commit: what hold_seats
would do for each of them, one after the other, as far as it is plain. For whoever is not plain
nothing is done, and the caller asks hold_seats. Plain is who
    has a new key that nobody works with, and comes here once;
    asks for seats that are there, of a date on sale that its token's room guards;
    and then either has seats to be told that are taken, or wants seats that are free, that nobody
    else works on and nobody before has asked for here, within the limit, of a date without
    a waiting list and orphans to be avoided.
    p_wanted, p_seats   every seat that is asked for, each with the ordinal of its request; all other
                        arrays have an element for each request
Lock order: as hold_seats (keys, seats, users, counters), and users and counters in their order; but
keys, seats and counters that somebody has locked are not waited for. Only the first use of a visitor
by somebody else at the same time is, and not for long.
Everything is looked at after the seats are locked, and the clock is read then.
Returns a row for each request, in their order; its outcome and body:
    held        the answer of the POST
    seat_taken  {"seats": [taken]}, also by a request before it
    alone       nothing was done: ask hold_seats
Keeps B1, B2, B5, B8, B10, B11. Plans: as hold_seats. Every table is entered by keys that are at hand,
so that no plan that was made for small tables can go through the whole of large ones: a scalar
subquery, a subquery with OFFSET 0, = ANY, are not turned into anything else.
*/
CREATE OR REPLACE FUNCTION hold_moment(
    p_visitors text[], p_tokens text[], p_rooms text[], p_schedules bigint[],
    p_wanted integer[], p_seats text[],
    p_paths text[], p_keys text[], p_fingerprints bytea[], p_currency text, p_digits integer
) RETURNS TABLE (outcome text, body jsonb)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET lock_timeout = '500ms' AS $$
#variable_conflict use_column
DECLARE
    -- Of each request:
    v_locked boolean[];           -- whether we have its key
    v_users bigint[];             -- its visitor, null before the first use
    v_counts integer[];           -- how many seats it wants
    v_limits integer[];
    v_ttls_s integer[];
    v_sound boolean[];            -- whether it is refused only for its seats
    v_taken jsonb[];              -- that they are taken, if so
    v_held jsonb[];               -- its answer, if it holds them
    --
    v_seats bigint[];             -- of each of p_seats, null for one that is not there
    v_free bigint[];              -- those that are free and that we have locked
    v_winners integer[];          -- ordinals of those who get their seats
    v_new integer[];              -- those of them without a counter before
    v_now timestamptz;
BEGIN
    SELECT array_agg(pg_try_advisory_xact_lock(key_lock(a.visitor, a.path, a.key)) ORDER BY a.n)
    INTO v_locked
    FROM unnest(p_visitors, p_paths, p_keys) WITH ORDINALITY AS a (visitor, path, key, n);

    SELECT array_agg((SELECT s.concert_seat_id FROM concert_seat s
                      WHERE s.concert_schedule_id = p_schedules[w.n]
                        AND s.seat_number = w.seat_number) ORDER BY w.place)
    INTO v_seats
    FROM unnest(p_wanted, p_seats) WITH ORDINALITY AS w (n, seat_number, place);
    SELECT array_agg(l.concert_seat_id) INTO v_free FROM (
        SELECT s.concert_seat_id FROM concert_seat s
        WHERE s.concert_seat_id = ANY (v_seats) AND s.status = 'AVAILABLE'
        ORDER BY s.concert_seat_id FOR NO KEY UPDATE SKIP LOCKED) l;
    v_now := clock_timestamp();

    WITH dates AS MATERIALIZED (
        SELECT d.concert_schedule_id, c.room_id, d.hold_ttl_s, d.max_seats_per_user,
               d.max_let_go_per_hour,
               NOT d.avoid_orphans AND (
                   SELECT w.waitlist_id FROM waitlist w
                   WHERE w.concert_schedule_id = d.concert_schedule_id AND w.status = 'WAITING'
                   LIMIT 1) IS NULL AS plain
        FROM concert_schedule d JOIN concert c USING (concert_id)
        WHERE d.concert_schedule_id = ANY (p_schedules) AND d.state = 'on_sale'
          AND c.off_sale_at IS NULL
    ), asked AS MATERIALIZED (
        SELECT a.n, a.user_id, d.hold_ttl_s, coalesce((l.c).live_seats, 0) AS live_seats,
               coalesce((l.c).own_limit, d.max_seats_per_user) AS seat_limit, d.plain,
               a.time = 1 AND v_locked[a.n] AND d.room_id = a.room_id
                   AND (d.max_let_go_per_hour = 0 OR let_go_now(l.c, d.max_let_go_per_hour, v_now)
                                                     <= d.max_let_go_per_hour - 1)
                   AND (SELECT k.user_id FROM idempotency_key k
                        WHERE k.user_id = a.user_id AND k.method = 'POST' AND k.path = a.path
                          AND k.key = a.key) IS NULL AS sound
        FROM (SELECT r.n::integer, r.room_id, r.schedule_id, r.path, r.key,
                     row_number() OVER (PARTITION BY r.visitor ORDER BY r.n) AS time,
                     (SELECT u.user_id FROM users u WHERE u.external_id = r.visitor) AS user_id
              FROM unnest(p_visitors, p_rooms, p_schedules, p_paths, p_keys) WITH ORDINALITY
                  AS r (visitor, room_id, schedule_id, path, key, n) OFFSET 0) a
        LEFT JOIN dates d ON d.concert_schedule_id = a.schedule_id
        LEFT JOIN LATERAL (
            SELECT c FROM user_schedule c
            WHERE c.concert_schedule_id = a.schedule_id AND c.user_id = a.user_id OFFSET 0) l ON true
    ), seats AS (
        SELECT a.*, w.seat_number, w.concert_seat_id, s.taken,
               bool_and(coalesce(a.sound, false) AND w.concert_seat_id IS NOT NULL) OVER one AS known,
               coalesce(bool_or(s.taken) OVER one, false) AS late
        FROM unnest(p_wanted, p_seats, v_seats) AS w (n, seat_number, concert_seat_id)
        JOIN asked a USING (n)
        LEFT JOIN LATERAL (
            SELECT s.status = 'SOLD' OR (s.status = 'RESERVED' AND s.held_until > v_now) AS taken
            FROM concert_seat s WHERE s.concert_seat_id = w.concert_seat_id OFFSET 0) s ON true
        WINDOW one AS (PARTITION BY w.n)
    ), ranked AS (
        -- Whoever is told that a seat is taken is in nobody's way. Everybody else is, also who goes
        -- alone: it came before.
        SELECT s.*, min(s.n) FILTER (WHERE NOT (s.known AND s.late))
                        OVER (PARTITION BY s.concert_seat_id) AS first
        FROM seats s
    ), judged AS (
        SELECT r.n, r.user_id, r.hold_ttl_s, r.seat_limit, r.known, count(*)::integer AS seats,
               CASE WHEN r.known AND r.late THEN jsonb_build_object(
                   'seats', array_agg(r.seat_number ORDER BY r.seat_number) FILTER (WHERE r.taken))
               END AS taken,
               r.known AND r.plain AND r.live_seats + count(*) <= r.seat_limit
                   AND bool_and(r.first = r.n AND r.concert_seat_id = ANY (v_free)) AS wins
        FROM ranked r
        GROUP BY r.n, r.user_id, r.hold_ttl_s, r.seat_limit, r.known, r.late, r.plain, r.live_seats
    )
    SELECT array_agg(j.user_id ORDER BY j.n), array_agg(j.hold_ttl_s ORDER BY j.n),
           array_agg(j.seat_limit ORDER BY j.n), array_agg(j.known ORDER BY j.n),
           array_agg(j.seats ORDER BY j.n), array_agg(j.taken ORDER BY j.n),
           array_agg(j.n ORDER BY j.n) FILTER (WHERE j.wins)
    INTO v_users, v_ttls_s, v_limits, v_sound, v_counts, v_taken, v_winners
    FROM judged j;

    IF v_winners IS NOT NULL THEN
        IF EXISTS (SELECT FROM unnest(v_winners) w (n) WHERE v_users[w.n] IS NULL) THEN
            INSERT INTO users (external_id, user_name)
            SELECT p_visitors[w.n], p_visitors[w.n] FROM unnest(v_winners) w (n)
            WHERE v_users[w.n] IS NULL ORDER BY 1
            ON CONFLICT (external_id) DO NOTHING;
            SELECT array_agg((SELECT u.user_id FROM users u WHERE u.external_id = a.visitor)
                             ORDER BY a.n)
            INTO v_users FROM unnest(p_visitors) WITH ORDINALITY AS a (visitor, n);
        END IF;

        -- The first write that may still refuse, as in hold_seats; who is refused goes alone.
        WITH made AS (
            INSERT INTO user_schedule (user_id, concert_schedule_id, live_seats, seat_limit)
            SELECT v_users[w.n], p_schedules[w.n], v_counts[w.n], v_limits[w.n]
            FROM unnest(v_winners) w (n)
            -- One that is there would be waited for if somebody is changing it.
            WHERE (SELECT c.user_id FROM user_schedule c
                   WHERE c.user_id = v_users[w.n]
                     AND c.concert_schedule_id = p_schedules[w.n]) IS NULL
            ORDER BY 1, 2
            ON CONFLICT DO NOTHING RETURNING user_id, concert_schedule_id
        )
        SELECT array_agg(w.n) INTO v_new FROM unnest(v_winners) w (n)
        JOIN made m ON m.user_id = v_users[w.n] AND m.concert_schedule_id = p_schedules[w.n];
        IF coalesce(cardinality(v_new), 0) < cardinality(v_winners) THEN
            WITH locked AS MATERIALIZED (
                SELECT w.n, c.user_id, c.concert_schedule_id
                FROM unnest(v_winners) w (n)
                JOIN user_schedule c
                    ON c.user_id = v_users[w.n] AND c.concert_schedule_id = p_schedules[w.n]
                WHERE w.n <> ALL (coalesce(v_new, '{}')) AND c.user_id = ANY (v_users)
                ORDER BY c.user_id, c.concert_schedule_id FOR NO KEY UPDATE OF c SKIP LOCKED
            ), counted AS (
                UPDATE user_schedule c
                SET live_seats = c.live_seats + v_counts[l.n], seat_limit = v_limits[l.n]
                FROM locked l
                WHERE c.user_id = l.user_id AND c.concert_schedule_id = l.concert_schedule_id
                  AND c.user_id = ANY (v_users)
                  AND c.live_seats + v_counts[l.n] <= v_limits[l.n]
                RETURNING l.n
            )
            SELECT v_new || array_agg(c.n) INTO v_winners FROM counted c;
        END IF;
    END IF;

    IF v_winners IS NOT NULL THEN
        WITH made AS (
            INSERT INTO concert_booking AS b (user_id, concert_seat_id, concert_schedule_id, room_id,
                                              token_value, price, expiration_at, created_at,
                                              updated_at)
            SELECT v_users[w.n], s.concert_seat_id, s.concert_schedule_id, p_rooms[w.n],
                   p_tokens[w.n], s.price,
                   -- Whole milliseconds, so that the deadline shown is the deadline kept.
                   date_trunc('milliseconds', v_now) + v_ttls_s[w.n] * interval '1 second',
                   v_now, v_now
            FROM unnest(p_wanted, v_seats) WITH ORDINALITY AS w (n, concert_seat_id, place)
            JOIN concert_seat s USING (concert_seat_id)
            WHERE w.n = ANY (v_winners) AND s.concert_seat_id = ANY (v_free)
            ORDER BY w.place
            RETURNING b.user_id, b.concert_booking_id, b.concert_schedule_id, b.concert_seat_id,
                      b.price, b.expiration_at
        ), reserved AS (
            UPDATE concert_seat s
            SET status = 'RESERVED', concert_booking_id = m.concert_booking_id,
                held_until = m.expiration_at, changed_xid = pg_current_xact_id(), updated_at = v_now
            FROM made m
            WHERE s.concert_seat_id = m.concert_seat_id AND s.concert_seat_id = ANY (v_free)
            RETURNING m.*, s.seat_number
        ), answers AS (
            SELECT w.n, hold_answer(jsonb_agg(
                       hold_shown(r.concert_booking_id, r.concert_schedule_id, r.concert_seat_id,
                                  r.seat_number, r.price, r.expiration_at, v_now, p_currency, p_digits)
                       ORDER BY r.concert_booking_id), sum(r.price), p_currency, p_digits) AS shown
            FROM reserved r JOIN unnest(v_winners) w (n) ON v_users[w.n] = r.user_id
            GROUP BY w.n
        ), kept AS (
            INSERT INTO idempotency_key (user_id, method, path, key, fingerprint, status, response)
            SELECT v_users[a.n], 'POST', p_paths[a.n], p_keys[a.n], p_fingerprints[a.n], 201, a.shown
            FROM answers a
        )
        SELECT array_agg(a.shown ORDER BY r.n) INTO v_held
        FROM generate_subscripts(p_visitors, 1) r (n) LEFT JOIN answers a USING (n);
    END IF;

    RETURN QUERY
    SELECT CASE WHEN v_held[r.n] IS NOT NULL THEN 'held'
                WHEN v_taken[r.n] IS NOT NULL OR t.body IS NOT NULL THEN 'seat_taken'
                ELSE 'alone' END,
           coalesce(v_held[r.n], v_taken[r.n], t.body)
    FROM generate_subscripts(p_visitors, 1) r (n)
    LEFT JOIN LATERAL (
        -- Seats of its own that somebody before it got here.
        SELECT jsonb_build_object('seats', array_agg(w.seat_number ORDER BY w.seat_number)) AS body
        FROM unnest(p_wanted, p_seats, v_seats) AS w (n, seat_number, concert_seat_id)
        WHERE v_sound[r.n] AND v_held[r.n] IS NULL AND v_taken[r.n] IS NULL
          AND w.n = r.n AND w.concert_seat_id IN (
              SELECT o.concert_seat_id FROM unnest(p_wanted, v_seats) AS o (n, concert_seat_id)
              WHERE o.n < r.n AND v_held[o.n] IS NOT NULL)
        HAVING count(*) > 0) t ON true
    ORDER BY r.n;
END $$;
