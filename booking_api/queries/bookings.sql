-- bookings: a visitor's own, newest first, below a cursor; past its deadline a hold reads CANCELED.
-- $1 visitor  $2 concert_booking_id to go on below, or null  $3 limit
-- $4 status as it reads, $5 concert_schedule_id, $6 concert_id: only those, or null for all
SELECT b.concert_booking_id, b.concert_schedule_id, b.concert_seat_id, s.seat_number, b.price,
       r.status, b.expiration_at, b.created_at, c.concert_id, c.concert_name, d.schedule_date,
       r.canceled_reason, coalesce(p.refunded_amount, 0) AS refunded
FROM concert_booking b
JOIN users u USING (user_id)
JOIN concert_seat s USING (concert_seat_id)
JOIN concert_schedule d ON d.concert_schedule_id = b.concert_schedule_id
JOIN concert c USING (concert_id)
LEFT JOIN payment p ON p.concert_booking_id = b.concert_booking_id
CROSS JOIN LATERAL (
    SELECT CASE WHEN e.expired THEN 'CANCELED' ELSE b.status END AS status,
           CASE WHEN e.expired THEN 'expired' ELSE b.canceled_reason END AS canceled_reason
    FROM (SELECT b.status = 'PENDING' AND b.expiration_at <= now() AS expired) e) r
WHERE u.external_id = $1 AND ($2::bigint IS NULL OR b.concert_booking_id < $2)
  AND ($4::text IS NULL OR r.status = $4)
  AND ($5::bigint IS NULL OR b.concert_schedule_id = $5)
  AND ($6::bigint IS NULL OR c.concert_id = $6)
ORDER BY b.concert_booking_id DESC LIMIT $3
