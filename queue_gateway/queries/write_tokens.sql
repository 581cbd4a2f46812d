-- write_tokens: bring the queue table up to date with a batch of journal entries, one row a token.
-- Entries come at least once and may repeat: a status only moves forward (WAIT, ACTIVE, EXPIRED).
-- $1 room_id  $2 now, ms, by the store's clock, as all times that follow
-- $3 generations $4 numbers $5 visitor[] $6 created_ms $7 statuses $8 reason[] $9 admitted_ms
-- $10 ended_ms $11 lasts_ms (from admission) $12 active_after $13 active_cap: those that are no arrays
-- are texts with commas between, empty where there is nothing
WITH entry AS (
    SELECT $1::text || '.' || generation || '.' || number AS token_value, $1::text AS room_id,
           generation, number, visitor, status, reason,
           now() - ($2::bigint - created_ms) * interval '1 ms' AS created_at,
           now() - ($2::bigint - admitted_ms) * interval '1 ms' AS admitted_at,
           now() - ($2::bigint - ended_ms) * interval '1 ms' AS ended_at,
           now() - ($2::bigint - admitted_ms - lasts_ms) * interval '1 ms' AS ends_at,
           active_after, active_cap
    FROM unnest(string_to_array($3, ',')::bigint[], string_to_array($4, ',')::bigint[], $5::text[],
                string_to_array($6, ',')::bigint[], string_to_array($7, ','), $8::text[],
                string_to_array($9, ',', '')::bigint[], string_to_array($10, ',', '')::bigint[],
                string_to_array($11, ',', '')::bigint[], string_to_array($12, ',', '')::bigint[],
                string_to_array($13, ',', '')::bigint[])
      AS e(generation, number, visitor, created_ms, status, reason, admitted_ms, ended_ms, lasts_ms,
           active_after, active_cap)
)
INSERT INTO queue AS q (token_value, room_id, generation, number, visitor, status, reason,
                        created_at, admitted_at, ended_at, expired_at, updated_at,
                        active_after, active_cap)
SELECT token_value, room_id, generation, number, visitor, status, reason,
       created_at, admitted_at, ended_at, coalesce(ended_at, ends_at), now(),
       active_after, active_cap
FROM entry
ORDER BY token_value
ON CONFLICT (token_value) DO UPDATE SET
    status = CASE WHEN q.status = 'EXPIRED' OR (q.status = 'ACTIVE' AND excluded.status = 'WAIT')
                  THEN q.status ELSE excluded.status END,
    reason = coalesce(q.reason, excluded.reason),
    created_at = least(q.created_at, excluded.created_at),
    admitted_at = coalesce(q.admitted_at, excluded.admitted_at),
    ended_at = coalesce(q.ended_at, excluded.ended_at),
    expired_at = coalesce(q.ended_at, excluded.ended_at, q.expired_at, excluded.expired_at),
    active_after = coalesce(q.active_after, excluded.active_after),
    active_cap = coalesce(q.active_cap, excluded.active_cap),
    updated_at = now()
