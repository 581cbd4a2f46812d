-- create_intent: see functions/create_intent.sql.
-- $1 visitor  $2 room_id  $3 concert_booking_id[]  $4 provider  $5 most unpaid ones in an hour
-- $6 path  $7 key  $8 fingerprint
SELECT outcome, body FROM create_intent($1, $2, $3, $4, $5, $6, $7, $8)
