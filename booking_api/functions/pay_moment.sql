/*
pay_moment -- the plain ones among the payments that came in one moment, in one transaction: each as
if it were alone, all or none of its bookings.
    p_visitors, p_rooms, p_paths, p_keys, p_fingerprints   of request 1, 2, …, as for pay_bookings
    p_requests, p_bookings                                 which request names which booking
Plain is a payment that is the first of its visitor here, whose key nobody has or works on, whose
bookings are all its visitor's, of its room, PENDING, in time and of no canceled date, with seats
and an owner that nobody works on, and a balance that is enough.
Returns a row for each request: paid, with the body of the answer and completed: the jtis whose
visit it ends; or alone: pay_bookings is to say what becomes of it, nothing of it was written.
Locks: keys, seats by id, users by user_id, none of which it waits for: whoever would have to wait
goes alone, so that nobody's payment waits for somebody else's seat; should anything else take long,
the moment fails. The clock, keys, bookings and balances are read after the locks.
Keeps B2..B8. Plans: as for hold_seats.
*/
CREATE OR REPLACE FUNCTION pay_moment(
    p_visitors text[], p_rooms text[], p_paths text[], p_keys text[], p_fingerprints bytea[],
    p_requests integer[], p_bookings bigint[], p_currency text, p_digits integer
) RETURNS TABLE (request integer, outcome text, body jsonb, completed text[])
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
SET lock_timeout = '500ms' AS $$
DECLARE
    v_requests integer[];         -- which may be plain
    v_users bigint[];             -- and whose they are
    v_seats bigint[];             -- of their bookings, locked
    v_locked bigint[];            -- users
    v_plain bigint[];             -- the bookings of what is plain
    v_now timestamptz;
BEGIN
    SELECT array_agg(f.request), array_agg(u.user_id) INTO v_requests, v_users
    FROM (SELECT DISTINCT ON (a.visitor) a.request::integer, a.visitor, a.path, a.key
          FROM unnest(p_visitors, p_paths, p_keys) WITH ORDINALITY AS a (visitor, path, key, request)
          ORDER BY a.visitor, a.request) f
    JOIN users u ON u.external_id = f.visitor AND u.external_id = ANY (p_visitors)
    WHERE pg_try_advisory_xact_lock(key_lock(f.visitor, f.path, f.key));

    v_seats := ARRAY(
        SELECT s.concert_seat_id FROM concert_seat s
        WHERE s.concert_seat_id = ANY (ARRAY(
            SELECT b.concert_seat_id FROM concert_booking b
            WHERE b.concert_booking_id = ANY (p_bookings) AND b.user_id = ANY (v_users)))
        ORDER BY s.concert_seat_id FOR NO KEY UPDATE SKIP LOCKED);
    v_locked := ARRAY(
        SELECT u.user_id FROM users u WHERE u.user_id = ANY (v_users)
        ORDER BY u.user_id FOR NO KEY UPDATE SKIP LOCKED);
    v_now := clock_timestamp();

    WITH booking AS MATERIALIZED (
        SELECT b.*, (SELECT d.state FROM concert_schedule d
                     WHERE d.concert_schedule_id = b.concert_schedule_id) AS state
        FROM concert_booking b WHERE b.concert_booking_id = ANY (p_bookings)
    ), owner AS MATERIALIZED (
        SELECT u.user_id, u.balance FROM users u WHERE u.user_id = ANY (v_locked)
    ), used AS MATERIALIZED (
        SELECT r.request FROM unnest(v_requests, v_users) AS r (request, user_id)
        JOIN idempotency_key k ON k.user_id = r.user_id AND k.user_id = ANY (v_users)
            AND k.method = 'POST' AND k.path = p_paths[r.request] AND k.key = p_keys[r.request]
    ), plain AS (
        SELECT r.request
        FROM unnest(v_requests, v_users) AS r (request, user_id)
        JOIN unnest(p_requests, p_bookings) AS w (request, concert_booking_id)
            ON w.request = r.request
        LEFT JOIN owner o ON o.user_id = r.user_id
        LEFT JOIN booking b ON b.concert_booking_id = w.concert_booking_id
            AND b.user_id = r.user_id AND b.room_id = p_rooms[r.request]
            AND b.concert_seat_id = ANY (v_seats)
            AND b.status = 'PENDING' AND b.expiration_at > v_now AND b.state <> 'canceled'
        WHERE NOT EXISTS (SELECT FROM used k WHERE k.request = r.request)
        GROUP BY r.request, o.balance
        HAVING bool_and(b.concert_booking_id IS NOT NULL) AND sum(b.price) <= o.balance
    )
    SELECT array_agg(w.concert_booking_id ORDER BY w.place) INTO v_plain
    FROM unnest(p_requests, p_bookings) WITH ORDINALITY AS w (request, concert_booking_id, place)
    JOIN plain p USING (request);

    RETURN QUERY
    WITH paid AS MATERIALIZED (
        SELECT r.request, s.* FROM settle_bookings(v_plain, NULL, v_now, p_currency, p_digits) s
        JOIN unnest(v_requests, v_users) AS r (request, user_id) USING (user_id)
    ), kept AS (
        INSERT INTO idempotency_key (user_id, method, path, key, fingerprint, status, response)
        SELECT p.user_id, 'POST', p_paths[p.request], p_keys[p.request], p_fingerprints[p.request],
               201, p.body
        FROM paid p
    )
    SELECT n, CASE WHEN p.request IS NULL THEN 'alone' ELSE 'paid' END, p.body, p.completed
    FROM generate_series(1, cardinality(p_visitors)) n LEFT JOIN paid p ON p.request = n
    ORDER BY n;
END $$;
