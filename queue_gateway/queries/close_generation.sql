-- close_generation: end every token of a room's generation that was closed or reset as a whole.
-- $1 room_id  $2 generation  $3 ended_ago_ms  $4 reason
UPDATE queue
SET status = 'EXPIRED', reason = $4, updated_at = now(),
    ended_at = now() - $3::float8 * interval '1 ms',
    expired_at = now() - $3::float8 * interval '1 ms'
WHERE room_id = $1 AND generation = $2 AND status <> 'EXPIRED'
