-- live_tokens: the tokens that the table believes to be live, as it was when they were asked for.
-- $1 room_id  $2 generation
SELECT token_value, visitor, number FROM queue
WHERE room_id = $1 AND generation = $2 AND status <> 'EXPIRED'
