-- hold_best: the best available seats; see functions/hold_seats.sql.
-- $1 visitor  $2 jti  $3 room_id  $4 concert_schedule_id  $5 count  $6 adjacent  $7 section, or null
-- $8 max_price, or null  $9 candidates, or null  $10 path  $11 key  $12 fingerprint  $13 currency
-- $14 digits
SELECT outcome, body
FROM hold_seats($1, $2, $3, $4, NULL, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
