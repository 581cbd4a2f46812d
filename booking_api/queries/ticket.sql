-- ticket: what the ticket of one of a visitor's bookings says, and whether it is still good.
-- $1 visitor  $2 concert_booking_id
SELECT b.concert_booking_id, b.concert_schedule_id, b.price, s.seat_number, s.section, s.seat_row,
       c.concert_name, d.schedule_date, k.used_at,
       CASE WHEN b.status = 'CANCELED' OR d.state = 'canceled' THEN 'void'
            WHEN b.status = 'PENDING' AND b.expiration_at <= now() THEN 'void'
            WHEN b.status = 'PENDING' THEN 'not_confirmed'
            WHEN k.concert_booking_id IS NOT NULL THEN 'used'
            ELSE 'valid' END AS state
FROM concert_booking b
JOIN users u USING (user_id)
JOIN concert_seat s USING (concert_seat_id)
JOIN concert_schedule d ON d.concert_schedule_id = b.concert_schedule_id
JOIN concert c USING (concert_id)
LEFT JOIN checkin k ON k.concert_booking_id = b.concert_booking_id
WHERE u.external_id = $1 AND b.concert_booking_id = $2
