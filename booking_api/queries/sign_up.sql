-- sign_up: a new visitor of the demo.
-- $1 external_id  $2 user_name
INSERT INTO users (external_id, user_name) VALUES ($1, $2) RETURNING user_id, user_name, balance
