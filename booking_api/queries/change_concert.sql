-- change_concert: see functions/change_concert.sql.
-- $1 concert_id  $2 expected version or '*'  $3 changes, JSON  $4 operator
SELECT outcome, body FROM change_concert($1, $2, $3::jsonb, $4)
