-- remove_seats: see functions/remove_seats.sql.
-- $1 concert_schedule_id  $2 seat_number[]  $3 operator
SELECT outcome, body FROM remove_seats($1, $2, $3)
