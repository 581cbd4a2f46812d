-- cancel_booking: see functions/cancel_booking.sql.
-- $1 visitor  $2 room_id  $3 concert_booking_id
SELECT outcome, body FROM cancel_booking($1, $2, $3)
