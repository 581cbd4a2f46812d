-- audit_page: what operators did, newest first, below a cursor.
-- $1 room_id or null  $2 operator or null  $3 audit_id to go on below, or null  $4 limit
SELECT audit_id, operator, action, room_id, subject, changes, outcome, begun_at FROM audit
WHERE ($1::text IS NULL OR room_id = $1) AND ($2::text IS NULL OR operator = $2)
  AND ($3::bigint IS NULL OR audit_id < $3)
ORDER BY audit_id DESC LIMIT $4
