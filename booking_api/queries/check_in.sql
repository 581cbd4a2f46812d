-- check_in: see functions/check_in.sql.
-- $1 concert_booking_id[], $2 concert_schedule_id[], $3 seat_number[] as the codes say
-- $4 used_at[], null for now  $5 gate[]  $6 operator  $7 concert_schedule_id of the door, or null
SELECT outcome, body FROM check_in($1, $2, $3, $4, $5, $6, $7)
