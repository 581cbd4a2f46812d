-- own_limit: how many seats of a date a visitor may hold, and holds; no row without such a date.
-- $1 concert_schedule_id  $2 visitor
SELECT d.concert_schedule_id, $2::text AS visitor, coalesce(c.live_seats, 0) AS live_seats,
       c.own_limit, coalesce(c.own_limit, d.max_seats_per_user) AS seat_limit
FROM concert_schedule d
LEFT JOIN users u ON u.external_id = $2
LEFT JOIN user_schedule c
    ON c.concert_schedule_id = d.concert_schedule_id AND c.user_id = u.user_id
WHERE d.concert_schedule_id = $1
