-- create_schedule: a date of a concert; no row when there is no such concert.
-- $1 concert_id  $2 schedule_date  $3 hold_ttl_s  $4 max_seats_per_user  $5 operator
-- $6 hold_extension_s  $7 max_let_go_per_hour  $8 offer_ttl_s  $9 avoid_orphans  $10 refund_until
WITH made AS (
    INSERT INTO concert_schedule (concert_id, schedule_date, hold_ttl_s, max_seats_per_user,
                                  hold_extension_s, max_let_go_per_hour, offer_ttl_s, avoid_orphans,
                                  refund_until)
    SELECT c.concert_id, $2, $3, $4, $6, $7, $8, $9, $10 FROM concert c WHERE c.concert_id = $1
    RETURNING concert_schedule_id, concert_id, schedule_date, hold_ttl_s, max_seats_per_user,
              hold_extension_s, max_let_go_per_hour, offer_ttl_s, avoid_orphans, refund_until
), kept AS (
    INSERT INTO audit (operator, action, room_id, subject, changes, outcome, ended_at)
    SELECT $5, 'schedule.create', c.room_id, m.concert_schedule_id::text,
           to_jsonb(m) - 'concert_schedule_id', 'done', now()
    FROM made m JOIN concert c USING (concert_id)
)
SELECT concert_schedule_id, concert_id, schedule_date, hold_ttl_s, max_seats_per_user FROM made
