-- concert_room: the room that guards a concert.
-- $1 concert_id
SELECT room_id FROM concert WHERE concert_id = $1
