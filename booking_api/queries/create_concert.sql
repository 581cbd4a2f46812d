-- create_concert: a concert and the room that guards it.
-- $1 concert_name  $2 room_id
INSERT INTO concert (concert_name, room_id) VALUES ($1, $2)
RETURNING concert_id, concert_name, room_id
