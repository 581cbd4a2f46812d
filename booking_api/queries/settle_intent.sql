-- settle_intent: see functions/take_event.sql.
-- $1 payment_intent_id  $2 status  $3 reference  $4 amount  $5 its currency  $6 currency  $7 digits
SELECT outcome, NULL AS body, visitor, completed FROM settle_intent($1, $2, $3, $4, $5, $6, $7)
