-- set_prices: see functions/set_prices.sql.
-- $1 concert_schedule_id  $2 rules, JSON  $3 operator
SELECT outcome, body FROM set_prices($1, $2::jsonb, $3)
