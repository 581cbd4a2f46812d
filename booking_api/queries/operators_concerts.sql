-- operators_concerts: all concerts or a room's, on sale or not, above a cursor.
-- $1 room_id or null  $2 concert_id to go on above, or null  $3 limit
SELECT concert_id, concert_name, room_id, refund_percent, off_sale_at, version FROM concert
WHERE ($1::text IS NULL OR room_id = $1) AND ($2::bigint IS NULL OR concert_id > $2)
ORDER BY concert_id LIMIT $3
