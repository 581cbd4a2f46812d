-- hold_moment: named seats for all who want some in a moment; see functions/hold_moment.sql.
-- $1 visitor[]  $2 jti[]  $3 room_id[]  $4 concert_schedule_id[]
-- $5 ordinal of its request, and $6 seat_number, of each seat  $7 path[]  $8 key[]  $9 fingerprint[]
-- $10 currency  $11 digits
SELECT outcome, body FROM hold_moment($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
