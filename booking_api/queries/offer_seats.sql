-- offer_seats: see functions/offer_seats.sql.
-- $1 concert_schedule_id  $2 most seats to offer  $3 currency  $4 digits
SELECT offer_seats($1, $2, $3, $4) AS moved
