-- join_waitlist: see functions/join_waitlist.sql.
-- $1 visitor  $2 jti  $3 room_id  $4 concert_schedule_id  $5 currency  $6 digits
SELECT outcome, body FROM join_waitlist($1, $2, $3, $4, $5, $6)
