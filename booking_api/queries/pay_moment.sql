-- pay_moment: see functions/pay_moment.sql.
-- $1 visitor[]  $2 room_id[]  $3 path[]  $4 key[]  $5 fingerprint[]
-- $6 number of the request[]  $7 its concert_booking_id[]  $8 currency  $9 digits
SELECT outcome, body, completed FROM pay_moment($1, $2, $3, $4, $5, $6, $7, $8, $9)
