-- settle_event: write down what came of an attempt; one that somebody repeated meanwhile says nothing.
-- Later events of its line wait as long as it does, so that nobody looks at them in vain.
-- $1 webhook_event_id  $2 attempts  $3 HTTP status, or null  $4 what went wrong; null: delivered
-- $5 try again after so many seconds; null: no more
WITH settled AS (
    UPDATE webhook_event
    SET delivered_at = CASE WHEN $4::text IS NULL THEN now() END,
        next_attempt_at = now() + $5 * interval '1 second', last_status = $3, last_error = $4
    WHERE webhook_event_id = $1 AND attempts = $2 AND next_attempt_at IS NOT NULL
    RETURNING webhook_event_id, line, next_attempt_at
), waiting AS (
    UPDATE webhook_event w SET next_attempt_at = s.next_attempt_at
    FROM settled s
    WHERE w.line = s.line AND w.webhook_event_id > s.webhook_event_id
      AND w.next_attempt_at < s.next_attempt_at
)
SELECT webhook_event_id FROM settled
