-- leave_waitlist: see functions/leave_waitlist.sql.
-- $1 visitor  $2 concert_schedule_id
SELECT outcome, body FROM leave_waitlist($1, $2)
