-- user: a visitor's own row, made at first use.
-- $1 visitor
SELECT user_id, user_name, balance FROM ensure_user($1)
