-- take_off_sale: show and sell a concert no more; what was sold of it stays.
-- $1 concert_id  $2 operator
WITH taken AS (
    UPDATE concert SET off_sale_at = coalesce(off_sale_at, now()), updated_at = now(),
        version = version + 1
    WHERE concert_id = $1
    RETURNING concert_id, room_id
), kept AS (
    INSERT INTO audit (operator, action, room_id, subject, changes, outcome, ended_at)
    SELECT $2, 'concert.take_off_sale', t.room_id, t.concert_id::text, '{}', 'done', now()
    FROM taken t
)
SELECT concert_id FROM taken
