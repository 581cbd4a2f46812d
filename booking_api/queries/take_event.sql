-- take_event: see functions/take_event.sql.
-- $1 provider  $2 event id  $3 kind  $4 happened_at  $5 our key  $6 reference  $7 amount
-- $8 its currency  $9 currency  $10 digits
SELECT outcome, body, visitor, completed FROM take_event($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
