-- change_schedule: see functions/change_schedule.sql.
-- $1 concert_schedule_id  $2 expected version or '*'  $3 changes, JSON  $4 operator
-- $5 currency  $6 digits
SELECT outcome, body FROM change_schedule($1, $2, $3::jsonb, $4, $5, $6)
