-- What `onsale verify` asks PostgreSQL, in one snapshot. For each invariant:
--   "-- name: words", "-- counts: words", a query for one number, "-- broken", a query for what
-- should not be there (at most 20 rows are asked for). $1 is the moment from which on bookings may
-- still miss their journal entry; it is passed where it is used.

-- O1: numbers are unique in a room
-- counts: tokens in the journal
SELECT count(*) FROM queue;
-- broken
SELECT room_id, generation, number, array_agg(visitor) AS visitors
FROM queue GROUP BY room_id, generation, number HAVING count(*) > 1;

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
SELECT token_value, active_after, active_cap FROM queue
WHERE admitted_at IS NOT NULL AND (active_after > active_cap) IS NOT FALSE;

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
       b.expiration_at, s.held_until, p.payment_id
FROM concert_seat s
FULL JOIN (SELECT * FROM concert_booking WHERE status <> 'CANCELED') b
    ON b.concert_seat_id = s.concert_seat_id
LEFT JOIN payment p ON p.concert_booking_id = b.concert_booking_id
WHERE NOT coalesce(
    (s.status = 'AVAILABLE' AND b.concert_booking_id IS NULL AND s.concert_booking_id IS NULL)
    OR (s.status = 'RESERVED' AND b.status = 'PENDING' AND p.payment_id IS NULL
        AND s.concert_booking_id = b.concert_booking_id AND s.held_until = b.expiration_at)
    OR (s.status = 'SOLD' AND b.status = 'CONFIRMED' AND p.payment_id IS NOT NULL
        AND s.concert_booking_id = b.concert_booking_id), false);

-- B3: one payment per booking, of the price at hold time
-- counts: payments
SELECT count(*) FROM payment;
-- broken
SELECT b.concert_booking_id, b.price, array_agg(p.payment_id) AS payments,
       sum(p.payment_amount) AS paid
FROM payment p JOIN concert_booking b USING (concert_booking_id)
GROUP BY b.concert_booking_id, b.price HAVING count(*) > 1 OR sum(p.payment_amount) <> b.price;

-- B4: what is CONFIRMED was paid before its deadline
-- counts: CONFIRMED bookings
SELECT count(*) FROM concert_booking WHERE status = 'CONFIRMED';
-- broken
SELECT b.concert_booking_id, b.expiration_at, p.created_at AS paid_at
FROM concert_booking b LEFT JOIN payment p USING (concert_booking_id)
WHERE b.status = 'CONFIRMED' AND (p.created_at < b.expiration_at) IS NOT TRUE;

-- B5: CANCELED is final
-- counts: CANCELED bookings
SELECT count(*) FROM concert_booking WHERE status = 'CANCELED';
-- broken
SELECT b.concert_booking_id, b.canceled_reason, s.concert_seat_id, p.payment_id
FROM concert_booking b
LEFT JOIN concert_seat s ON s.concert_booking_id = b.concert_booking_id
LEFT JOIN payment p ON p.concert_booking_id = b.concert_booking_id
WHERE b.status = 'CANCELED' AND (s.concert_seat_id IS NOT NULL OR p.payment_id IS NOT NULL);

-- B6: a balance is not negative and is the sum of its ledger
-- counts: users
SELECT count(*) FROM users;
-- broken
SELECT u.user_id, u.balance, coalesce(l.total, 0) AS ledger_total, l.last AS ledger_balance
FROM users u
LEFT JOIN (SELECT user_id, sum(amount) AS total,
                  (array_agg(balance_after ORDER BY ledger_id DESC))[1] AS last
           FROM ledger GROUP BY user_id) l USING (user_id)
WHERE u.balance < 0 OR u.balance <> coalesce(l.total, 0) OR u.balance <> coalesce(l.last, 0);

-- B7: charges + refunds = payments + balances
-- counts: movements of money
SELECT count(*) FROM ledger;
-- broken
SELECT * FROM (
    SELECT (SELECT coalesce(sum(amount), 0) FROM ledger WHERE kind = 'CHARGE') AS charges,
           (SELECT coalesce(sum(amount), 0) FROM ledger WHERE kind = 'REFUND') AS refunds,
           (SELECT coalesce(sum(payment_amount), 0) FROM payment) AS payments,
           (SELECT coalesce(sum(balance), 0) FROM users) AS balances) totals
WHERE charges + refunds <> payments + balances;

-- B8: one idempotency key, one effect
-- counts: stored answers
SELECT count(*) FROM idempotency_key;
-- broken
WITH effect AS (
    SELECT k.user_id, k.path, k.key, 'booking' AS kind,
           (b ->> 'concert_booking_id')::bigint AS id
    FROM idempotency_key k, jsonb_array_elements(coalesce(k.response -> 'bookings', '[]')) b
    UNION ALL
    SELECT k.user_id, k.path, k.key, 'payment', (p ->> 'payment_id')::bigint
    FROM idempotency_key k, jsonb_array_elements(coalesce(k.response -> 'payments', '[]')) p
)
SELECT e.kind, e.id, array_agg(e.key) AS keys
FROM effect e
LEFT JOIN concert_booking b ON e.kind = 'booking' AND b.concert_booking_id = e.id
LEFT JOIN payment p ON e.kind = 'payment' AND p.payment_id = e.id
GROUP BY e.kind, e.id
HAVING count(*) > 1 OR bool_or(b.concert_booking_id IS NULL AND p.payment_id IS NULL);

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
       c.seat_limit
FROM (SELECT user_id, concert_schedule_id, count(*) AS live FROM concert_booking
      WHERE status <> 'CANCELED' GROUP BY user_id, concert_schedule_id) b
FULL JOIN user_schedule c USING (user_id, concert_schedule_id)
WHERE coalesce(b.live, 0) <> coalesce(c.live_seats, 0) OR coalesce(b.live, 0) > c.seat_limit;

-- B11: each booking names the token that admitted its visitor
-- counts: bookings with a journaled token
SELECT count(*) FROM concert_booking b JOIN queue q USING (token_value);
-- broken
SELECT b.concert_booking_id, b.token_value, u.external_id AS booked_by, q.visitor, q.admitted_at
FROM concert_booking b JOIN users u USING (user_id) LEFT JOIN queue q USING (token_value)
WHERE b.created_at < $1
  AND (q.admitted_at IS NULL OR q.visitor <> u.external_id OR q.room_id <> b.room_id);

-- B12: AVAILABLE + RESERVED + SOLD = seats loaded
-- counts: seats loaded
SELECT coalesce(sum(seats_loaded), 0) FROM concert_schedule;
-- broken
SELECT concert_schedule_id, d.seats_loaded, count(s.concert_seat_id) AS seats,
       count(*) FILTER (WHERE s.status = 'AVAILABLE') AS available,
       count(*) FILTER (WHERE s.status = 'RESERVED') AS reserved,
       count(*) FILTER (WHERE s.status = 'SOLD') AS sold
FROM concert_schedule d LEFT JOIN concert_seat s USING (concert_schedule_id)
GROUP BY concert_schedule_id, d.seats_loaded
HAVING count(*) FILTER (WHERE s.status IN ('AVAILABLE', 'RESERVED', 'SOLD')) <> d.seats_loaded;
