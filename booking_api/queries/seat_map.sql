-- seat_map: a date's seats, or those changed since a version. At least one row, for the version;
-- none when there is no such date.
-- The version is the snapshot's oldest running transaction: every one below it is in this answer.
-- So `changed_xid >= since` may repeat a seat and never misses one. A hold past its deadline reads
-- AVAILABLE without anybody writing, so such seats are in every answer until they are swept. A
-- version from the future (the database was restored) gets the full map.
-- $1 concert_schedule_id  $2 since, or null for all
SELECT v.version, d.avoid_orphans, s.concert_seat_id, s.seat_number, s.price, s.section,
       s.seat_row, s.place, s.band,
       CASE WHEN s.status = 'RESERVED' AND s.held_until <= now() THEN 'AVAILABLE'
            ELSE s.status END AS status
FROM concert_schedule d
CROSS JOIN (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS version) v
LEFT JOIN concert_seat s
    ON s.concert_schedule_id = d.concert_schedule_id
    AND ($2::bigint IS NULL OR $2::bigint > v.version
         OR s.changed_xid >= $2::bigint::text::xid8
         OR (s.status = 'RESERVED' AND s.held_until <= now()))
WHERE d.concert_schedule_id = $1
ORDER BY s.concert_seat_id
