-- seat_map: a date's seats, or those changed since an earlier reading. At least one row, for the
-- version; none when there is no such date.
-- The version is the snapshot's oldest running transaction: every one below it is in this answer.
-- So `changed_xid >= since` may repeat a seat and never misses one. A hold past its deadline reads
-- AVAILABLE without anybody writing, so such seats are in every answer until they are swept.
-- In the snapshot of the earlier reading there is nothing new, and no seat is looked at, unless
-- there are holds past their deadline.
-- `removed`: the transaction that last took seats away, of which no change tells.
-- $1 concert_schedule_id  $2 version of the earlier reading, or null for all  $3 its snapshot
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS version,
       pg_current_snapshot()::text AS snapshot,
       coalesce(d.removed_xid::text::bigint, 0) AS removed, d.avoid_orphans, s.*
FROM concert_schedule d
LEFT JOIN LATERAL (
    SELECT n.concert_seat_id, n.seat_number, n.price, n.section, n.seat_row, n.place, n.band,
           n.changed_xid::text::bigint AS changed_xid,
           CASE WHEN n.status = 'RESERVED' AND n.held_until <= now() THEN 'AVAILABLE'
                ELSE n.status END AS status,
           n.status = 'RESERVED' AND n.held_until <= now() AS overdue
    FROM concert_seat n
    WHERE n.concert_schedule_id = (
            SELECT $1::bigint
            WHERE pg_current_snapshot()::text IS DISTINCT FROM $3 OR EXISTS (
                SELECT FROM concert_booking b
                WHERE b.status = 'PENDING' AND b.expiration_at <= now()))
      AND ($2::bigint IS NULL OR n.changed_xid >= $2::bigint::text::xid8
           OR (n.status = 'RESERVED' AND n.held_until <= now()))
) s ON true
WHERE d.concert_schedule_id = $1
ORDER BY s.concert_seat_id
