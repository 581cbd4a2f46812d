-- lock_room: see booking_api/functions/lock_room.sql.
-- $1 room_id
SELECT lock_room($1)
