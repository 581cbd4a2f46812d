-- booking: one booking of a visitor; past its deadline a hold reads CANCELED.
-- $1 visitor  $2 concert_booking_id
SELECT b.concert_booking_id, b.concert_schedule_id, b.concert_seat_id, s.seat_number, b.price,
       CASE WHEN b.status = 'PENDING' AND b.expiration_at <= now() THEN 'CANCELED'
            ELSE b.status END AS status,
       b.expiration_at, b.created_at
FROM concert_booking b JOIN users u USING (user_id) JOIN concert_seat s USING (concert_seat_id)
WHERE u.external_id = $1 AND b.concert_booking_id = $2
