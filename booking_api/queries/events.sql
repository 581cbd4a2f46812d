-- events: what other systems are told, newest first, below a cursor.
-- $1 webhook_event_id to go on below, or null  $2 limit
-- $3 state, $4 kind, $5 concert_booking_id, $6 concert_schedule_id, $7 since: or null for all
SELECT e.webhook_event_id, e.kind, e.concert_booking_id, e.concert_schedule_id, e.payload,
       e.attempts, e.next_attempt_at, e.delivered_at, e.last_status, e.last_error, e.created_at,
       s.state
FROM webhook_event e
CROSS JOIN LATERAL (
    SELECT CASE WHEN e.next_attempt_at IS NOT NULL THEN 'pending'
                WHEN e.delivered_at IS NOT NULL THEN 'delivered' ELSE 'failed' END AS state) s
WHERE ($1::bigint IS NULL OR e.webhook_event_id < $1)
  AND ($3::text IS NULL OR s.state = $3)
  AND ($4::text IS NULL OR e.kind = $4)
  AND ($5::bigint IS NULL OR (e.line = $5 AND e.concert_booking_id = $5))
  AND ($6::bigint IS NULL OR e.concert_schedule_id = $6)
  AND ($7::timestamptz IS NULL OR e.created_at >= $7)
ORDER BY e.webhook_event_id DESC LIMIT $2
