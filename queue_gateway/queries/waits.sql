-- waits: how long those waited whom a room admitted in the last hour, the latest ones of them.
-- A room that was reset counts from a generation on: earlier admissions were a rehearsal's.
-- $1 room_id  $2 generation to count from  $3 most
SELECT percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY waited_s) AS waits_s
FROM (SELECT generation, greatest(0, extract(epoch FROM admitted_at - created_at)) AS waited_s
      FROM queue
      WHERE room_id = $1 AND admitted_at > now() - interval '1 hour'
      ORDER BY admitted_at DESC LIMIT $3) latest
WHERE generation >= $2
