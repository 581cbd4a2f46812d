-- tokens_with_bookings: which of some tokens made bookings, of those above an id.
-- $1 concert_booking_id to look above  $2 token_value[]
SELECT DISTINCT b.token_value FROM concert_booking b
WHERE b.concert_booking_id > $1 AND b.token_value = ANY ($2)
