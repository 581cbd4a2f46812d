-- operators_concert: one concert with its settings.
-- $1 concert_id
SELECT concert_id, concert_name, room_id, refund_percent, off_sale_at, version FROM concert
WHERE concert_id = $1
