-- operators_users: visitors, the oldest first, above a cursor.
-- $1 visitor or null  $2 user_id to go on above, or null  $3 limit
SELECT user_id, external_id AS visitor, user_name, balance, created_at FROM users
WHERE ($1::text IS NULL OR external_id = $1) AND ($2::bigint IS NULL OR user_id > $2)
ORDER BY user_id LIMIT $3
