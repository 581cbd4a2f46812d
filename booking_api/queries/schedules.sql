-- schedules: a concert's dates in their order, above a cursor, with the seats free right now.
-- A hold past its deadline counts as free before any sweep.
-- $1 concert_id  $2 concert_schedule_id to go on after, or null  $3 limit
SELECT d.concert_schedule_id, d.concert_id, d.schedule_date, d.hold_ttl_s, d.max_seats_per_user,
       d.seats_loaded,
       (SELECT count(*) FROM concert_seat s
        WHERE s.concert_schedule_id = d.concert_schedule_id
          AND (s.status = 'AVAILABLE' OR (s.status = 'RESERVED' AND s.held_until <= now()))
       ) AS seats_available
FROM concert_schedule d
WHERE d.concert_id = $1
  AND ($2::bigint IS NULL OR (d.schedule_date, d.concert_schedule_id) > (
      SELECT a.schedule_date, a.concert_schedule_id FROM concert_schedule a
      WHERE a.concert_schedule_id = $2))
ORDER BY d.schedule_date, d.concert_schedule_id LIMIT $3
