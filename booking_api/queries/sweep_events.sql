-- sweep_events: forget events that were delivered a week ago, and all others after a month; a batch
-- at a time.
-- $1 most to forget
WITH old AS (
    SELECT webhook_event_id FROM webhook_event
    WHERE created_at < now() - interval '7 days'
      AND (delivered_at < now() - interval '7 days' OR created_at < now() - interval '30 days')
    LIMIT $1 FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM webhook_event e USING old WHERE e.webhook_event_id = old.webhook_event_id
    RETURNING 1
)
SELECT count(*) AS forgotten FROM gone
