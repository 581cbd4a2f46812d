-- schedule_room: the room that guards a date.
-- $1 concert_schedule_id
SELECT c.room_id FROM concert_schedule JOIN concert c USING (concert_id)
WHERE concert_schedule_id = $1
