-- charge_balance: see functions/charge_balance.sql.
-- $1 visitor  $2 amount  $3 most a balance may hold  $4 path  $5 key  $6 fingerprint
-- $7 currency  $8 digits
SELECT outcome, body FROM charge_balance($1, $2, $3, $4, $5, $6, $7, $8)
