-- create_schedule: a date of a concert; no row when there is no such concert.
-- $1 concert_id  $2 schedule_date  $3 hold_ttl_s  $4 max_seats_per_user  $5 operator
WITH made AS (
    INSERT INTO concert_schedule (concert_id, schedule_date, hold_ttl_s, max_seats_per_user)
    SELECT c.concert_id, $2, $3, $4 FROM concert c WHERE c.concert_id = $1
    RETURNING concert_schedule_id, concert_id, schedule_date, hold_ttl_s, max_seats_per_user
), kept AS (
    INSERT INTO audit (operator, action, room_id, subject, changes, outcome, ended_at)
    SELECT $5, 'schedule.create', c.room_id, m.concert_schedule_id::text,
           to_jsonb(m) - 'concert_schedule_id', 'done', now()
    FROM made m JOIN concert c USING (concert_id)
)
SELECT concert_schedule_id, concert_id, schedule_date, hold_ttl_s, max_seats_per_user FROM made
