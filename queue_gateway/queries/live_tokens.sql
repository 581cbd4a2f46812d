-- live_tokens: a page of the tokens that the table believes to be live.
-- $1 room_id  $2 generation  $3 after number  $4 most
SELECT token_value, visitor, number FROM queue
WHERE room_id = $1 AND generation = $2 AND number > $3 AND status <> 'EXPIRED'
ORDER BY number LIMIT $4
