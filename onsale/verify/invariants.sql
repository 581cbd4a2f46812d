-- What `onsale verify` asks PostgreSQL, in one snapshot. For each invariant:
--   "-- name: words", "-- counts: words", a query for one number, "-- broken", a query for what
-- should not be there (no more rows are asked for than check.py shows, and one). $1 is the moment from which on bookings may
-- still miss their journal entry; it is passed where it is used.

-- O1: numbers are unique in a room
-- counts: tokens in the journal
SELECT count(*) FROM queue;
-- broken
SELECT room_id, generation, number, array_agg(visitor) AS visitors, array_agg(token_value) AS tokens
FROM queue GROUP BY room_id, generation, number
HAVING count(*) > 1 OR number < 1
    OR bool_or(token_value <> concat_ws('.', room_id, generation, number));

-- O4: one visitor, one place
-- counts: live tokens in the journal
SELECT count(*) FROM queue WHERE status <> 'EXPIRED';
-- broken
SELECT room_id, visitor, array_agg(token_value) AS tokens
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
SELECT concert_seat_id, array_agg(concert_booking_id) AS bookings
FROM concert_booking WHERE status <> 'CANCELED' GROUP BY concert_seat_id HAVING count(*) > 1;

-- B2: seats and bookings say the same: AVAILABLE, RESERVED and PENDING, SOLD and paid
-- counts: seats
SELECT count(*) FROM concert_seat;
-- broken
SELECT s.concert_seat_id, s.seat_number, s.status, s.concert_booking_id AS seat_says,
       b.concert_booking_id AS booking, b.status AS booking_status,
       b.expiration_at, s.held_until, p.payment_id, p.refunded
FROM concert_seat s
FULL JOIN (SELECT * FROM concert_booking WHERE status <> 'CANCELED') b
    ON b.concert_seat_id = s.concert_seat_id
LEFT JOIN (
    SELECT p.concert_booking_id, p.payment_id, p.payment_amount, sum(l.amount) AS refunded
    FROM payment p LEFT JOIN ledger l ON l.payment_id = p.payment_id AND l.kind = 'REFUND'
    GROUP BY p.payment_id) p ON p.concert_booking_id = b.concert_booking_id
WHERE NOT coalesce(
    (s.status = 'AVAILABLE' AND b.concert_booking_id IS NULL AND s.concert_booking_id IS NULL
        AND s.held_until IS NULL)
    OR (s.status = 'RESERVED' AND b.status = 'PENDING' AND p.payment_id IS NULL
        AND s.concert_booking_id = b.concert_booking_id AND s.held_until = b.expiration_at
        AND s.concert_schedule_id = b.concert_schedule_id)
    OR (s.status = 'SOLD' AND b.status = 'CONFIRMED' AND p.payment_id IS NOT NULL
        AND s.concert_booking_id = b.concert_booking_id AND s.held_until IS NULL
        AND s.concert_schedule_id = b.concert_schedule_id
        AND (p.refunded >= p.payment_amount) IS NOT TRUE), false);

-- B3: one payment per booking, of the price at hold time
-- counts: payments
SELECT count(*) FROM payment;
-- broken
SELECT concert_booking_id, b.price, array_agg(p.payment_id) AS payments,
       sum(p.payment_amount) AS paid
FROM payment p LEFT JOIN concert_booking b USING (concert_booking_id)
GROUP BY concert_booking_id, b.price
HAVING count(*) > 1 OR (sum(p.payment_amount) = b.price) IS NOT TRUE;

-- B4: what is CONFIRMED was paid before its deadline
-- counts: CONFIRMED bookings
SELECT count(*) FROM concert_booking WHERE status = 'CONFIRMED';
-- broken
SELECT b.concert_booking_id, b.expiration_at, p.created_at AS paid_at
FROM concert_booking b LEFT JOIN payment p USING (concert_booking_id)
WHERE b.status = 'CONFIRMED' AND (p.created_at < b.expiration_at) IS NOT TRUE;

-- B5: CANCELED is final: it has no seat, its payment was refunded, and it does not come back
-- counts: CANCELED bookings
SELECT count(*) FROM concert_booking WHERE status = 'CANCELED';
-- broken
SELECT b.concert_booking_id, b.status, b.canceled_reason, s.concert_seat_id, p.payment_id
FROM concert_booking b
LEFT JOIN concert_seat s ON s.concert_booking_id = b.concert_booking_id
LEFT JOIN payment p ON p.concert_booking_id = b.concert_booking_id
    AND (SELECT sum(l.amount) >= p.payment_amount FROM ledger l
         WHERE l.payment_id = p.payment_id AND l.kind = 'REFUND') IS NOT TRUE
WHERE (b.status = 'CANCELED' AND (s.concert_seat_id IS NOT NULL OR p.payment_id IS NOT NULL))
   OR (b.status <> 'CANCELED' AND b.canceled_reason IS NOT NULL);

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

-- B8: one idempotency key, one effect
-- counts: stored answers
SELECT count(*) FROM idempotency_key;
-- broken
-- Keys are kept for a day; younger effects must be named by an answer. A charge has no id in its
-- answer, but it shares the time of its transaction.
WITH answered AS (
    SELECT k.user_id, k.key, 'booking' AS kind, (b ->> 'concert_booking_id')::bigint AS id
    FROM idempotency_key k, jsonb_array_elements(coalesce(k.response -> 'bookings', '[]')) b
    UNION ALL
    SELECT k.user_id, k.key, 'payment', (p ->> 'payment_id')::bigint
    FROM idempotency_key k, jsonb_array_elements(coalesce(k.response -> 'payments', '[]')) p
), done AS (
    SELECT 'booking' AS kind, concert_booking_id AS id, user_id, created_at FROM concert_booking
    UNION ALL
    SELECT 'payment', p.payment_id, b.user_id, p.created_at
    FROM payment p LEFT JOIN concert_booking b USING (concert_booking_id)
)
SELECT kind, id, d.user_id, array_agg(a.key) AS keys
FROM done d FULL JOIN answered a USING (kind, id)
GROUP BY kind, id, d.user_id, d.created_at
HAVING count(a.key) > 1 OR bool_or(d.user_id <> a.user_id)
    OR d.created_at IS NULL  -- answered, but not there
    OR (count(a.key) = 0 AND d.created_at > now() - interval '23 hours')
UNION ALL
SELECT 'charge', l.ledger_id, user_id, k.keys
FROM (SELECT user_id, created_at, count(*) AS charges, min(ledger_id) AS ledger_id FROM ledger
      WHERE kind = 'CHARGE' GROUP BY user_id, created_at) l
FULL JOIN (SELECT user_id, created_at, array_agg(key) AS keys FROM idempotency_key
           WHERE path = '/v1/users/me/charges' GROUP BY user_id, created_at) k
    USING (user_id, created_at)
WHERE coalesce(l.charges, 0) <> coalesce(cardinality(k.keys), 0)
  AND (k.keys IS NOT NULL OR created_at > now() - interval '23 hours')
UNION ALL
SELECT 'key', NULL, user_id, array_agg(key) FROM idempotency_key
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
SELECT user_id, concert_schedule_id, coalesce(b.live, 0) AS live, c.live_seats AS counted,
       c.seat_limit, d.max_seats_per_user
FROM (SELECT user_id, concert_schedule_id, count(*) AS live FROM concert_booking
      WHERE status <> 'CANCELED' GROUP BY user_id, concert_schedule_id) b
FULL JOIN user_schedule c USING (user_id, concert_schedule_id)
LEFT JOIN concert_schedule d USING (concert_schedule_id)
WHERE coalesce(b.live, 0) <> coalesce(c.live_seats, 0)
   OR coalesce(b.live, 0) > least(c.seat_limit, d.max_seats_per_user);

-- B11: each booking names the token of its room that admitted its visitor
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
