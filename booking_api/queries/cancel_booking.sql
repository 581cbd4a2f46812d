-- cancel_booking: see functions/cancel_booking.sql.
-- $1 visitor  $2 room_id  $3 concert_booking_id  $4 currency  $5 digits
SELECT outcome, body FROM cancel_booking($1, $2, $3, $4, $5)
