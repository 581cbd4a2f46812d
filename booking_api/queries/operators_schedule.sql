-- operators_schedule: one date with its settings.
-- $1 concert_schedule_id
SELECT concert_schedule_id, concert_id, schedule_date, state, hold_ttl_s, hold_extension_s,
       max_seats_per_user, max_let_go_per_hour, offer_ttl_s, avoid_orphans, refund_until,
       seats_loaded, version
FROM concert_schedule WHERE concert_schedule_id = $1
