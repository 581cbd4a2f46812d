-- change_limit: see functions/change_limit.sql.
-- $1 concert_schedule_id  $2 visitor  $3 limit or null  $4 operator
SELECT outcome, body FROM change_limit($1, $2, $3, $4)
