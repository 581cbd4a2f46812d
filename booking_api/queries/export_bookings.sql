-- export_bookings: a date's bookings above an id, in their order; past its deadline a hold reads
-- CANCELED.
-- $1 concert_schedule_id  $2 concert_booking_id to go on above  $3 limit
SELECT b.concert_booking_id, b.concert_schedule_id, s.seat_number, s.section, s.seat_row, s.place,
       s.band, b.user_id, u.external_id AS visitor, u.user_name, b.price,
       CASE WHEN b.status = 'PENDING' AND b.expiration_at <= now() THEN 'CANCELED'
            ELSE b.status END AS status,
       b.canceled_reason, b.created_at, b.expiration_at, p.payment_id, p.payment_amount,
       p.refunded_amount, p.created_at AS paid_at, i.used_at
FROM (SELECT * FROM concert_booking
      WHERE concert_schedule_id = $1 AND concert_booking_id > $2
      ORDER BY concert_booking_id LIMIT $3) b
JOIN users u USING (user_id)
JOIN concert_seat s USING (concert_seat_id)
LEFT JOIN payment p ON p.concert_booking_id = b.concert_booking_id
LEFT JOIN checkin i ON i.concert_booking_id = b.concert_booking_id
ORDER BY b.concert_booking_id
