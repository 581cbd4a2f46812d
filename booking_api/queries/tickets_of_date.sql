-- tickets_of_date: every ticket that a date ever had, by booking, above one: what a device at the
-- door needs to know while it is offline.
-- $1 concert_schedule_id  $2 concert_booking_id to go on above  $3 limit
SELECT b.concert_booking_id, s.seat_number, s.section, k.used_at, k.gate,
       CASE WHEN b.status <> 'CONFIRMED' OR d.state = 'canceled' THEN 'void'
            WHEN k.concert_booking_id IS NOT NULL THEN 'used'
            ELSE 'valid' END AS state
FROM concert_booking b
JOIN concert_schedule d USING (concert_schedule_id)
JOIN payment p USING (concert_booking_id)
JOIN concert_seat s ON s.concert_seat_id = b.concert_seat_id
LEFT JOIN checkin k ON k.concert_booking_id = b.concert_booking_id
WHERE b.concert_schedule_id = $1 AND b.concert_booking_id > $2
ORDER BY b.concert_booking_id LIMIT $3
