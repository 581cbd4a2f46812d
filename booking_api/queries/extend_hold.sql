-- extend_hold: see functions/extend_hold.sql.
-- $1 visitor  $2 room_id  $3 concert_booking_id  $4 path  $5 key  $6 fingerprint
-- $7 currency  $8 digits
SELECT outcome, body FROM extend_hold($1, $2, $3, $4, $5, $6, $7, $8)
