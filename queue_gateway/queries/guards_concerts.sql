-- guards_concerts: whether a room guards concerts that are on sale.
-- $1 room_id
SELECT EXISTS (SELECT FROM concert WHERE room_id = $1 AND off_sale_at IS NULL)
