-- operators_user: one visitor, with how many bookings they have; past its deadline a hold is CANCELED.
-- $1 user_id
SELECT u.user_id, u.external_id AS visitor, u.user_name, u.balance, u.created_at,
       b.pending, b.confirmed, b.canceled
FROM users u
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE b.status = 'PENDING' AND b.expiration_at > now()) AS pending,
           count(*) FILTER (WHERE b.status = 'CONFIRMED') AS confirmed,
           count(*) FILTER (WHERE b.status = 'CANCELED'
                               OR (b.status = 'PENDING' AND b.expiration_at <= now())) AS canceled
    FROM concert_booking b WHERE b.user_id = u.user_id) b
WHERE u.user_id = $1
