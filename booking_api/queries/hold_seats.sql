-- hold_seats: the named seats; see functions/hold_seats.sql.
-- $1 visitor  $2 jti  $3 room_id  $4 concert_schedule_id  $5 seat_number[]
-- $6 path  $7 key  $8 fingerprint  $9 currency  $10 digits
SELECT outcome, body
FROM hold_seats($1, $2, $3, $4, $5, NULL, NULL, NULL, NULL, NULL, $6, $7, $8, $9, $10)
