-- moved_deadlines: when ACTIVE tokens expire, after all deadlines of their room moved.
-- $1 token_value[]  $2 left_ms[] from now
UPDATE queue AS q SET expired_at = now() + m.left_ms * interval '1 ms', updated_at = now()
FROM unnest($1::text[], $2::float8[]) AS m(token_value, left_ms)
WHERE q.token_value = m.token_value AND q.status = 'ACTIVE'
