-- operators_schedules: a concert's dates with their settings, in the order they were made, above a
-- cursor.
-- $1 concert_id  $2 concert_schedule_id to go on above, or null  $3 limit
SELECT concert_schedule_id, concert_id, schedule_date, state, hold_ttl_s, hold_extension_s,
       max_seats_per_user, max_let_go_per_hour, offer_ttl_s, avoid_orphans, refund_until,
       seats_loaded, version
FROM concert_schedule
WHERE concert_id = $1 AND ($2::bigint IS NULL OR concert_schedule_id > $2)
ORDER BY concert_schedule_id LIMIT $3
