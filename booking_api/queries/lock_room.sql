-- lock_room: see functions/lock_room.sql.
-- $1 room_id
SELECT lock_room($1)
