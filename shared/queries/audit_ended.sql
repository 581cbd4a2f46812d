-- audit_ended: keep what came of it.
-- $1 audit_id  $2 outcome  $3 what was found on the way, JSON, added to the changes
UPDATE audit SET outcome = $2, changes = changes || $3::jsonb, ended_at = now()
WHERE audit_id = $1
