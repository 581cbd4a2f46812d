-- admitted_by_bookings: a booking proves that its token was ACTIVE, also where the store forgot it.
-- How many were ACTIVE then is not known any more: 0 of 0.
-- $1 room_id  $2 generation
INSERT INTO queue AS q (token_value, room_id, generation, number, visitor, status,
                        created_at, admitted_at, expired_at, updated_at, active_after, active_cap)
SELECT DISTINCT ON (b.token_value)
       b.token_value, b.room_id, $2::bigint, split_part(b.token_value, '.', 3)::bigint,
       u.external_id, 'ACTIVE', b.created_at, b.created_at, b.created_at, now(), 0, 0
FROM concert_booking b
JOIN users u USING (user_id)
LEFT JOIN queue known USING (token_value)
WHERE b.room_id = $1 AND known.admitted_at IS NULL
  AND starts_with(b.token_value, $1 || '.' || $2::bigint || '.')
ORDER BY b.token_value, b.created_at
ON CONFLICT (token_value) DO UPDATE SET
    status = CASE q.status WHEN 'WAIT' THEN 'ACTIVE' ELSE q.status END,
    admitted_at = excluded.admitted_at,
    expired_at = coalesce(q.expired_at, excluded.expired_at),
    active_after = excluded.active_after,
    active_cap = excluded.active_cap,
    updated_at = now()
WHERE q.admitted_at IS NULL
