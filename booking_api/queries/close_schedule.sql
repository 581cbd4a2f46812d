-- close_schedule: see functions/close_schedule.sql.
-- $1 concert_schedule_id  $2 operator
SELECT outcome, body FROM close_schedule($1, $2)
