-- create_concert: a concert and the room that guards it.
-- $1 concert_name  $2 room_id  $3 operator  $4 refund_percent
WITH made AS (
    INSERT INTO concert (concert_name, room_id, refund_percent) VALUES ($1, $2, $4)
    RETURNING concert_id, concert_name, room_id, refund_percent
), kept AS (
    INSERT INTO audit (operator, action, room_id, subject, changes, outcome, ended_at)
    SELECT $3, 'concert.create', m.room_id, m.concert_id::text,
           jsonb_build_object('concert_name', m.concert_name, 'refund_percent', m.refund_percent), 'done', now()
    FROM made m
)
SELECT concert_id, concert_name, room_id FROM made
