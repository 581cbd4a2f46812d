-- take_events: take events that are due, of each line only the first that is not done with, and put
-- each off until its attempt must have ended. Any number of processes may take at once.
-- $1 most to take  $2 how long an attempt may take, in seconds
-- MATERIALIZED: a join may run a subquery again, and take others.
WITH due AS MATERIALIZED (
    SELECT w.webhook_event_id FROM webhook_event w
    WHERE w.next_attempt_at <= now()
      AND NOT EXISTS (SELECT FROM webhook_event b
                      WHERE b.line = w.line AND b.webhook_event_id < w.webhook_event_id
                        AND b.next_attempt_at IS NOT NULL)
    ORDER BY w.next_attempt_at, w.webhook_event_id LIMIT $1 FOR UPDATE SKIP LOCKED
)
UPDATE webhook_event e
SET attempts = e.attempts + 1, next_attempt_at = now() + $2 * interval '1 second'
FROM due
WHERE e.webhook_event_id = due.webhook_event_id
RETURNING e.webhook_event_id, e.kind, e.attempts, e.created_at, e.payload
