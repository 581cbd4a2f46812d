-- audit_begun: keep that an operator is about to do something.
-- $1 operator  $2 action  $3 room_id  $4 subject  $5 changes, JSON
INSERT INTO audit (operator, action, room_id, subject, changes, outcome)
VALUES ($1, $2, $3, $4, $5::jsonb, 'begun')
RETURNING audit_id
