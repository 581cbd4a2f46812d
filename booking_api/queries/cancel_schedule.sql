-- cancel_schedule: see functions/cancel_schedule.sql.
-- $1 concert_schedule_id  $2 reason  $3 percent to refund  $4 operator
SELECT outcome, body FROM cancel_schedule($1, $2, $3, $4)
