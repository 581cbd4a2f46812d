-- sales_totals: for each date of a concert, or for one: seats by status, and what came in. Past its
-- deadline a hold counts as AVAILABLE.
-- $1 concert_schedule_id or null  $2 concert_id or null  $3 concert_schedule_id to go on above, or
-- null  $4 limit
SELECT d.concert_schedule_id, d.concert_id, d.schedule_date, d.state, s.available, s.reserved, s.sold_seats,
       m.sold, m.canceled, m.gross, m.refunded
FROM (SELECT * FROM concert_schedule
      WHERE (concert_schedule_id = $1 OR concert_id = $2)
        AND ($3::bigint IS NULL OR concert_schedule_id > $3)
      ORDER BY concert_schedule_id LIMIT $4) d
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE s.status = 'AVAILABLE'
                               OR (s.status = 'RESERVED' AND s.held_until <= now())) AS available,
           count(*) FILTER (WHERE s.status = 'RESERVED' AND s.held_until > now()) AS reserved,
           count(*) FILTER (WHERE s.status = 'SOLD') AS sold_seats
    FROM concert_seat s WHERE s.concert_schedule_id = d.concert_schedule_id) s
CROSS JOIN LATERAL (
    SELECT count(p.payment_id) AS sold,
           count(p.payment_id) FILTER (WHERE b.status = 'CANCELED') AS canceled,
           coalesce(sum(p.payment_amount), 0) AS gross,
           coalesce(sum(p.refunded_amount), 0) AS refunded
    FROM concert_booking b JOIN payment p USING (concert_booking_id)
    WHERE b.concert_schedule_id = d.concert_schedule_id) m
ORDER BY d.concert_schedule_id
