-- replay_events: deliver events once more, or at last; one that is being tried now goes on. Kept in
-- the audit under the operator's name. Of each line its events go again in their order.
-- $1 webhook_event_id[], or null  $2 all that failed  $3 all since then, or null
-- $4 operator  $5 how long an attempt may take, in seconds
WITH again AS (
    UPDATE webhook_event e
    SET attempts = CASE WHEN e.next_attempt_at IS NULL THEN 0 ELSE e.attempts END,
        next_attempt_at = CASE WHEN e.next_attempt_at IS NULL
                                 OR e.next_attempt_at > now() + $5 * interval '1 second'
                               THEN now() ELSE e.next_attempt_at END
    WHERE e.webhook_event_id = ANY ($1::bigint[])
       OR ($2 AND e.next_attempt_at IS NULL AND e.delivered_at IS NULL)
       OR e.created_at >= $3
    RETURNING e.webhook_event_id
), kept AS (
    INSERT INTO audit (operator, action, subject, changes, outcome, ended_at)
    SELECT $4, 'webhooks.replay', CASE WHEN count(*) = 1 THEN min(a.webhook_event_id)::text END,
           jsonb_build_object('events', count(*), 'failed', $2, 'since', $3::timestamptz), 'done', now()
    FROM again a HAVING count(*) > 0
)
SELECT webhook_event_id FROM again
