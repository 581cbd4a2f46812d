-- operators_seats: a date's seats in the order they were added, above a cursor; past its deadline a
-- hold reads AVAILABLE.
-- $1 concert_schedule_id  $2 concert_seat_id to go on above, or null  $3 limit  $4 section or null
-- $5 band or null
SELECT s.concert_seat_id, s.seat_number, s.section, s.seat_row, s.place, s.band, s.price,
       CASE WHEN h.ended THEN 'AVAILABLE' ELSE s.status END AS status,
       CASE WHEN NOT h.ended THEN s.concert_booking_id END AS concert_booking_id,
       CASE WHEN NOT h.ended THEN s.held_until END AS held_until
FROM concert_seat s
CROSS JOIN LATERAL (SELECT coalesce(s.status = 'RESERVED' AND s.held_until <= now(), false) AS ended) h
WHERE s.concert_schedule_id = $1 AND ($2::bigint IS NULL OR s.concert_seat_id > $2)
  AND ($4::text IS NULL OR s.section = $4) AND ($5::text IS NULL OR s.band = $5)
ORDER BY s.concert_seat_id LIMIT $3
