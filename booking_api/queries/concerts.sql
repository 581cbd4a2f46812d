-- concerts: what a room guards and is on sale, above a cursor.
-- $1 room_id  $2 concert_id to go on above, or null  $3 limit
SELECT concert_id, concert_name, room_id FROM concert
WHERE room_id = $1 AND off_sale_at IS NULL AND ($2::bigint IS NULL OR concert_id > $2)
ORDER BY concert_id LIMIT $3
