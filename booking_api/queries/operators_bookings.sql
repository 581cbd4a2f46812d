-- operators_bookings: anybody's, newest first, below a cursor; past its deadline a hold reads CANCELED.
-- $1 concert_schedule_id or null  $2 status or null  $3 visitor or null
-- $4 concert_booking_id to go on below, or null  $5 limit
SELECT b.concert_booking_id, b.concert_schedule_id, b.concert_seat_id, s.seat_number, b.user_id,
       u.external_id AS visitor, b.price, v.status, b.canceled_reason, b.expiration_at, b.extended_at,
       b.room_id, b.token_value, b.created_at, b.updated_at, p.payment_id, p.payment_amount,
       p.refunded_amount, p.payment_intent_id, p.created_at AS paid_at
FROM concert_booking b
CROSS JOIN LATERAL (
    SELECT CASE WHEN b.status = 'PENDING' AND b.expiration_at <= now() THEN 'CANCELED'
                ELSE b.status END AS status) v
JOIN users u USING (user_id)
JOIN concert_seat s ON s.concert_seat_id = b.concert_seat_id
LEFT JOIN payment p ON p.concert_booking_id = b.concert_booking_id
WHERE ($1::bigint IS NULL OR b.concert_schedule_id = $1) AND ($2::text IS NULL OR v.status = $2)
  AND ($3::text IS NULL OR b.user_id = (SELECT n.user_id FROM users n WHERE n.external_id = $3))
  AND ($4::bigint IS NULL OR b.concert_booking_id < $4)
ORDER BY b.concert_booking_id DESC LIMIT $5
