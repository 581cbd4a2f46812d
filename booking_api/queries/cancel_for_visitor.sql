-- cancel_for_visitor: see functions/cancel_for_visitor.sql.
-- $1 concert_booking_id  $2 reason  $3 percent to refund  $4 operator  $5 currency  $6 digits
SELECT outcome, body FROM cancel_for_visitor($1, $2, $3, $4, $5, $6)
