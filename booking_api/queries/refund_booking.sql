-- refund_booking: see functions/refund_booking.sql.
-- $1 visitor, or null  $2 operator, or null  $3 concert_booking_id  $4 amount, or null  $5 reason
-- $6 path  $7 key  $8 fingerprint  $9 currency  $10 digits
SELECT outcome, body FROM refund_booking($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
