-- What `onsale verify` asks PostgreSQL, in one snapshot. For each invariant:
--   "-- name: words", "-- counts: words", a query for one number, and, once or several times,
--   "-- broken", a query for what should not be there.
-- No more rows are asked for than check.py shows, and one. $1 is the moment from which on bookings
-- may still miss their journal entry; it is passed where it is used.

-- O1: numbers are unique in a room
-- counts: tokens in the journal
SELECT count(*) FROM queue;
-- broken
SELECT room_id, generation, number, array_agg(visitor ORDER BY visitor) AS visitors,
       array_agg(token_value ORDER BY token_value) AS tokens
FROM queue GROUP BY room_id, generation, number
HAVING count(*) > 1 OR number < 1
    OR bool_or(token_value <> concat_ws('.', room_id, generation, number));

-- O4: one visitor, one place
-- counts: live tokens in the journal
SELECT count(*) FROM queue WHERE status <> 'EXPIRED';
-- broken
SELECT room_id, visitor, array_agg(token_value ORDER BY token_value) AS tokens
FROM queue WHERE status <> 'EXPIRED' GROUP BY room_id, visitor HAVING count(*) > 1;

-- A1: no admission raises ACTIVE above max_active
-- counts: admissions in the journal
SELECT count(*) FROM queue WHERE admitted_at IS NOT NULL;
-- broken
SELECT token_value, status, admitted_at, active_after, active_cap FROM queue
WHERE (admitted_at IS NOT NULL OR status = 'ACTIVE')
  AND (admitted_at IS NULL OR (active_after > active_cap) IS NOT FALSE);

-- B1: at most one live booking per seat
-- counts: live bookings
SELECT count(*) FROM concert_booking WHERE status <> 'CANCELED';
-- broken
SELECT concert_seat_id, array_agg(concert_booking_id ORDER BY concert_booking_id) AS bookings
FROM concert_booking WHERE status <> 'CANCELED' GROUP BY concert_seat_id HAVING count(*) > 1;

-- B2: seats, bookings and offers say the same: AVAILABLE, RESERVED and PENDING, SOLD and paid
-- counts: seats
SELECT count(*) FROM concert_seat;
-- broken
SELECT s.concert_seat_id, s.seat_number, s.status, s.concert_booking_id AS seat_says,
       b.concert_booking_id AS booking, b.status AS booking_status,
       b.expiration_at, s.held_until, p.payment_id, p.payment_amount, p.refunded_amount
FROM concert_seat s
FULL JOIN (SELECT * FROM concert_booking WHERE status <> 'CANCELED') b
    ON b.concert_seat_id = s.concert_seat_id
LEFT JOIN payment p ON p.concert_booking_id = b.concert_booking_id
WHERE NOT coalesce(
    (s.status = 'AVAILABLE' AND b.concert_booking_id IS NULL AND s.concert_booking_id IS NULL
        AND s.held_until IS NULL)
    OR (s.status = 'RESERVED' AND b.status = 'PENDING' AND p.payment_id IS NULL
        AND s.concert_booking_id = b.concert_booking_id AND s.held_until = b.expiration_at
        AND s.concert_schedule_id = b.concert_schedule_id)
    OR (s.status = 'SOLD' AND b.status = 'CONFIRMED' AND p.payment_id IS NOT NULL
        AND s.concert_booking_id = b.concert_booking_id AND s.held_until IS NULL
        AND s.concert_schedule_id = b.concert_schedule_id
        AND (p.refunded_amount < p.payment_amount
             OR NOT EXISTS (SELECT FROM refund r WHERE r.payment_id = p.payment_id))), false);
-- broken
-- An offer of the waiting list is a hold of who waited, until it is paid or let go.
SELECT w.waitlist_id, w.status, w.reason, w.concert_booking_id AS booking,
       b.status AS booking_status, p.payment_id
FROM waitlist w
LEFT JOIN concert_booking b ON b.concert_booking_id = w.concert_booking_id
    AND b.user_id = w.user_id AND b.concert_schedule_id = w.concert_schedule_id
    AND b.room_id = w.room_id AND b.token_value = w.token_value
LEFT JOIN payment p ON p.concert_booking_id = b.concert_booking_id
WHERE NOT coalesce(CASE
    WHEN w.status = 'OFFERED' THEN b.status = 'PENDING'
    WHEN w.reason = 'taken' THEN p.payment_id IS NOT NULL
    WHEN w.concert_booking_id IS NOT NULL THEN w.status = 'ENDED' AND b.status = 'CANCELED'
    ELSE w.status = 'WAITING' OR w.reason IN ('left', 'limit', 'canceled') END, false);
-- broken
-- Offers go along the list; whoever joined in the seconds before an offer may have been overlooked.
SELECT w.waitlist_id AS waits, w.created_at AS since, o.waitlist_id AS offered_instead, b.created_at
FROM waitlist w
JOIN waitlist o ON o.concert_schedule_id = w.concert_schedule_id AND o.waitlist_id > w.waitlist_id
JOIN concert_booking b ON b.concert_booking_id = o.concert_booking_id
WHERE w.status = 'WAITING' AND w.created_at < b.created_at - interval '5 seconds';

-- B3: one payment per booking, of the price at hold time
-- counts: payments
SELECT count(*) FROM payment;
-- broken
SELECT concert_booking_id, b.price, array_agg(p.payment_id ORDER BY p.payment_id) AS payments,
       sum(p.payment_amount) AS paid
FROM payment p LEFT JOIN concert_booking b USING (concert_booking_id)
GROUP BY concert_booking_id, b.price
HAVING count(*) > 1 OR (sum(p.payment_amount) = b.price) IS NOT TRUE;

-- B4: what is CONFIRMED was paid before its deadline, and who was let in had paid
-- counts: CONFIRMED bookings
SELECT count(*) FROM concert_booking WHERE status = 'CONFIRMED';
-- broken
SELECT b.concert_booking_id, b.status, b.expiration_at, p.created_at AS paid_at
FROM concert_booking b LEFT JOIN payment p USING (concert_booking_id)
WHERE (b.status = 'CONFIRMED' OR p.payment_id IS NOT NULL)
  AND (p.created_at < b.expiration_at) IS NOT TRUE;
-- broken
SELECT concert_booking_id, b.status, p.payment_id, c.created_at AS let_in_at, b.updated_at
FROM checkin c
LEFT JOIN concert_booking b USING (concert_booking_id)
LEFT JOIN payment p USING (concert_booking_id)
WHERE NOT coalesce(p.created_at <= c.created_at
                   AND (b.status = 'CONFIRMED' OR b.updated_at >= c.created_at), false);

-- B5: CANCELED is final: it has no seat, what it had paid was refunded, and it does not come back
-- counts: CANCELED bookings
SELECT count(*) FROM concert_booking WHERE status = 'CANCELED';
-- broken
SELECT b.concert_booking_id, b.status, b.canceled_reason, s.concert_seat_id, p.payment_id
FROM concert_booking b
LEFT JOIN concert_seat s ON s.concert_booking_id = b.concert_booking_id
LEFT JOIN payment p ON p.concert_booking_id = b.concert_booking_id
WHERE (b.status = 'CANCELED' AND (
        s.concert_seat_id IS NOT NULL
        OR CASE WHEN p.payment_id IS NULL THEN b.canceled_reason = 'refunded'
                ELSE b.canceled_reason IN ('owner', 'expired')
                     OR NOT EXISTS (SELECT FROM refund r WHERE r.payment_id = p.payment_id) END))
   OR (b.status <> 'CANCELED' AND b.canceled_reason IS NOT NULL);
-- broken
-- Of a date that was canceled nothing is sold any more, once the work on it is finished. A hold that
-- was under way in that moment ends by itself; it cannot be paid.
SELECT j.schedule_job_id, concert_schedule_id, d.state, j.done, j.total, j.finished_at, b.sold
FROM schedule_job j
JOIN concert_schedule d USING (concert_schedule_id)
CROSS JOIN LATERAL (SELECT count(*) AS sold FROM concert_booking b
                    WHERE b.concert_schedule_id = d.concert_schedule_id
                      AND b.status = 'CONFIRMED') b
WHERE j.kind = 'cancel' AND (d.state <> 'canceled' OR j.done > j.total
                             OR (j.finished_at IS NOT NULL AND b.sold > 0));

-- B6: a balance is not negative and is the sum of its ledger, after every movement
-- counts: users
SELECT count(*) FROM users;
-- broken
SELECT user_id, u.balance, l.total AS ledger_total, l.wrong_since AS wrong_since_ledger_id
FROM users u
FULL JOIN (
    SELECT user_id, sum(amount) AS total,
           min(ledger_id) FILTER (WHERE balance_after <> running OR running < 0) AS wrong_since
    FROM (SELECT *, sum(amount) OVER (PARTITION BY user_id ORDER BY ledger_id) AS running
          FROM ledger) movement
    GROUP BY user_id) l USING (user_id)
WHERE l.wrong_since IS NOT NULL
   OR NOT coalesce(u.balance >= 0 AND u.balance = coalesce(l.total, 0), false);

-- B7: charges + refunds = payments + balances, of every visitor and so in total
-- counts: movements of money
SELECT count(*) FROM ledger;
-- broken
SELECT user_id, coalesce(l.charges, 0) AS charges, coalesce(l.refunds, 0) AS refunds,
       coalesce(p.payments, 0) AS payments, coalesce(u.balance, 0) AS balance
FROM (SELECT user_id, sum(amount) FILTER (WHERE kind = 'CHARGE') AS charges,
             sum(amount) FILTER (WHERE kind = 'REFUND') AS refunds
      FROM ledger GROUP BY user_id) l
FULL JOIN (SELECT b.user_id, sum(p.payment_amount) AS payments
           FROM payment p LEFT JOIN concert_booking b USING (concert_booking_id)
           GROUP BY b.user_id) p USING (user_id)
FULL JOIN (SELECT user_id, balance FROM users) u USING (user_id)
WHERE coalesce(l.charges, 0) + coalesce(l.refunds, 0)
   <> coalesce(p.payments, 0) + coalesce(u.balance, 0);
-- broken
-- A refund and its movement say the same.
SELECT r.refund_id, ledger_id, r.refund_amount, l.amount, r.payment_id AS refund_of,
       l.payment_id AS movement_of, l.user_id, b.user_id AS paid_by
FROM refund r
FULL JOIN (SELECT * FROM ledger WHERE kind = 'REFUND') l USING (ledger_id)
LEFT JOIN payment p ON p.payment_id = l.payment_id
LEFT JOIN concert_booking b USING (concert_booking_id)
WHERE NOT coalesce(r.refund_amount = l.amount AND r.payment_id = l.payment_id
                   AND l.user_id = b.user_id, false);
-- broken
-- A payment counts its refunds.
SELECT p.payment_id, p.payment_amount, p.refunded_amount, r.refunds
FROM payment p
LEFT JOIN (SELECT payment_id, sum(refund_amount) AS refunds FROM refund GROUP BY payment_id) r
    USING (payment_id)
WHERE p.refunded_amount <> coalesce(r.refunds, 0) OR p.refunded_amount > p.payment_amount;
-- broken
-- What a provider collected is charged once and pays its bookings; else it touches no balance.
SELECT i.payment_intent_id, i.status, i.user_id, i.amount, i.concert_booking_ids, p.paid,
       p.amount AS payments, c.charges, c.amount AS charged
FROM payment_intent i
LEFT JOIN (SELECT p.payment_intent_id, sum(p.payment_amount) AS amount,
                  array_agg(p.concert_booking_id ORDER BY p.concert_booking_id) AS paid,
                  bool_and(b.user_id = i.user_id) AS own
           FROM payment p
           JOIN payment_intent i USING (payment_intent_id)
           LEFT JOIN concert_booking b USING (concert_booking_id)
           GROUP BY p.payment_intent_id) p USING (payment_intent_id)
LEFT JOIN (SELECT l.payment_intent_id, sum(l.amount) AS amount, count(*) AS charges,
                  bool_and(l.user_id = i.user_id AND l.kind = 'CHARGE') AS own
           FROM ledger l JOIN payment_intent i USING (payment_intent_id)
           GROUP BY l.payment_intent_id) c USING (payment_intent_id)
WHERE NOT coalesce(CASE
    WHEN i.status = 'succeeded'
    THEN p.own AND c.own AND c.charges = 1 AND p.amount = i.amount AND c.amount = i.amount
         AND cardinality(p.paid) = cardinality(i.concert_booking_ids)
         AND p.paid <@ i.concert_booking_ids
    ELSE p.paid IS NULL AND c.charges IS NULL END, false);

-- B8: one idempotency key, one effect
-- counts: stored answers
SELECT count(*) FROM idempotency_key;
-- broken
-- Keys are kept for a day; younger effects must be named by an answer, but for what happens without
-- a key: offers of the waiting list, a provider's payments, refunds by DELETE or of a whole date. A
-- charge has no id in its answer, but it shares the time of its transaction.
WITH answered AS (
    SELECT k.user_id, k.key, e.kind, e.id
    FROM idempotency_key k
    CROSS JOIN LATERAL (
        SELECT 'booking' AS kind, (b ->> 'concert_booking_id')::bigint AS id
        FROM jsonb_array_elements(k.response -> 'bookings') b
        UNION ALL
        SELECT 'payment', (p ->> 'payment_id')::bigint
        FROM jsonb_array_elements(k.response -> 'payments') p
        UNION ALL
        SELECT 'extension', (k.response ->> 'concert_booking_id')::bigint
        WHERE k.path LIKE '%/extension'
        UNION ALL
        SELECT 'refund', (k.response ->> 'refund_id')::bigint WHERE k.response ? 'refund_id'
        UNION ALL
        SELECT 'intent', (k.response ->> 'payment_intent_id')::bigint
        WHERE k.response ? 'payment_intent_id') e
), done AS (
    SELECT 'booking' AS kind, b.concert_booking_id AS id, b.user_id, b.created_at,
           NOT EXISTS (SELECT FROM waitlist w
                       WHERE w.concert_booking_id = b.concert_booking_id) AS keyed
    FROM concert_booking b
    UNION ALL
    SELECT 'payment', p.payment_id, b.user_id, p.created_at, p.payment_intent_id IS NULL
    FROM payment p LEFT JOIN concert_booking b USING (concert_booking_id)
    UNION ALL
    SELECT 'extension', concert_booking_id, user_id, extended_at, true
    FROM concert_booking WHERE extended_at IS NOT NULL
    UNION ALL
    SELECT 'refund', r.refund_id, b.user_id, r.created_at, false
    FROM refund r LEFT JOIN payment p USING (payment_id)
    LEFT JOIN concert_booking b USING (concert_booking_id)
    UNION ALL
    SELECT 'intent', payment_intent_id, user_id, created_at, true FROM payment_intent
)
SELECT kind, id, d.user_id, array_agg(a.key ORDER BY a.key) AS keys
FROM done d FULL JOIN answered a USING (kind, id)
GROUP BY kind, id, d.user_id, d.created_at, d.keyed
HAVING count(a.key) > 1 OR bool_or(d.user_id <> a.user_id)
    OR d.created_at IS NULL  -- answered, but not there
    OR (count(a.key) = 0 AND d.keyed AND d.created_at > now() - interval '23 hours')
UNION ALL
SELECT 'charge', l.ledger_id, user_id, k.keys
FROM (SELECT user_id, created_at, count(*) AS charges, min(ledger_id) AS ledger_id FROM ledger
      WHERE kind = 'CHARGE' AND payment_intent_id IS NULL GROUP BY user_id, created_at) l
FULL JOIN (SELECT user_id, created_at, array_agg(key ORDER BY key) AS keys FROM idempotency_key
           WHERE path = '/v1/users/me/charges' GROUP BY user_id, created_at) k
    USING (user_id, created_at)
WHERE coalesce(l.charges, 0) <> coalesce(cardinality(k.keys), 0)
  AND (k.keys IS NOT NULL OR created_at > now() - interval '23 hours')
UNION ALL
SELECT 'key', NULL, user_id, array_agg(key ORDER BY key) FROM idempotency_key
GROUP BY user_id, method, path, key HAVING count(*) > 1;

-- B9: no PENDING booking outlives its deadline by more than the sweep bound
-- counts: PENDING bookings
SELECT count(*) FROM concert_booking WHERE status = 'PENDING';
-- broken
SELECT concert_booking_id, expiration_at, now() - expiration_at AS late
FROM concert_booking WHERE status = 'PENDING' AND expiration_at < now() - interval '5 seconds';

-- B10: live seats per visitor and date within the limit, and counted right
-- counts: visitors' dates
SELECT count(*) FROM user_schedule;
-- broken
-- An operator who lowers a limit takes nothing from anybody: what was held before may exceed it,
-- and so may what was under way in that moment.
SELECT user_id, concert_schedule_id, coalesce(b.live, 0) AS live, c.live_seats AS counted,
       c.seat_limit, d.max_seats_per_user, c.own_limit
FROM (SELECT user_id, concert_schedule_id, count(*) AS live, max(created_at) AS newest
      FROM concert_booking
      WHERE status <> 'CANCELED' GROUP BY user_id, concert_schedule_id) b
FULL JOIN user_schedule c USING (user_id, concert_schedule_id)
LEFT JOIN concert_schedule d USING (concert_schedule_id)
WHERE coalesce(b.live, 0) <> coalesce(c.live_seats, 0)
   OR coalesce(b.live, 0) > c.seat_limit
   OR (b.live > coalesce(c.own_limit, d.max_seats_per_user)
       AND b.newest > greatest(d.limited_at, c.limited_at) + interval '10 seconds');

-- B11: each booking, and each place in a waiting list, names the token that admitted its visitor
-- counts: bookings with a journaled token
SELECT count(*) FROM concert_booking b JOIN queue q USING (token_value);
-- broken
SELECT b.concert_booking_id, b.token_value, b.room_id, c.room_id AS guarded_by,
       u.external_id AS booked_by, q.visitor, q.admitted_at
FROM concert_booking b
LEFT JOIN users u USING (user_id)
LEFT JOIN concert_schedule d USING (concert_schedule_id)
LEFT JOIN concert c USING (concert_id)
LEFT JOIN queue q USING (token_value)
WHERE b.created_at < $1
  AND NOT coalesce(q.admitted_at IS NOT NULL AND q.visitor = u.external_id
                   AND q.room_id = b.room_id AND q.room_id = c.room_id, false);
-- broken
SELECT w.waitlist_id, w.token_value, w.room_id, c.room_id AS guarded_by,
       u.external_id AS waits, q.visitor, q.admitted_at
FROM waitlist w
LEFT JOIN users u USING (user_id)
LEFT JOIN concert_schedule d USING (concert_schedule_id)
LEFT JOIN concert c USING (concert_id)
LEFT JOIN queue q USING (token_value)
WHERE w.created_at < $1
  AND NOT coalesce(q.admitted_at IS NOT NULL AND q.visitor = u.external_id
                   AND q.room_id = w.room_id AND q.room_id = c.room_id, false);

-- B12: AVAILABLE + RESERVED + SOLD = seats loaded
-- counts: seats loaded
SELECT coalesce(sum(seats_loaded), 0) FROM concert_schedule;
-- broken
SELECT concert_schedule_id, d.seats_loaded, count(s.concert_seat_id) AS seats,
       count(*) FILTER (WHERE s.status = 'AVAILABLE') AS available,
       count(*) FILTER (WHERE s.status = 'RESERVED') AS reserved,
       count(*) FILTER (WHERE s.status = 'SOLD') AS sold
FROM concert_schedule d FULL JOIN concert_seat s USING (concert_schedule_id)
GROUP BY concert_schedule_id, d.seats_loaded
HAVING count(*) FILTER (WHERE s.status IN ('AVAILABLE', 'RESERVED', 'SOLD'))
    <> coalesce(d.seats_loaded, 0);
