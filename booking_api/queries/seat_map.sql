-- seat_map: a date's seats, or those changed since a version; at least one row, for the version.
-- The version is the snapshot's oldest running transaction: every one below it is in this answer.
-- So `changed_xid >= since` may repeat a seat and never misses one. A hold past its deadline reads
-- AVAILABLE without anybody writing, so such seats are in every answer until they are swept. A
-- version from the future (the database was restored) gets the full map.
-- $1 concert_schedule_id  $2 since, or null for all
SELECT v.version, s.concert_seat_id, s.seat_number, s.price,
       CASE WHEN s.status = 'RESERVED' AND s.held_until <= now() THEN 'AVAILABLE'
            ELSE s.status END AS status
FROM (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS version,
             pg_snapshot_xmax(pg_current_snapshot()) AS newest) v
LEFT JOIN concert_seat s
    ON s.concert_schedule_id = $1
    AND ($2::bigint IS NULL OR s.changed_xid >= $2::bigint::text::xid8
         OR $2::bigint::text::xid8 > v.newest
         OR (s.status = 'RESERVED' AND s.held_until <= now()))
ORDER BY s.concert_seat_id
