-- last_token: a visitor's last token in a room, as far as it is written down.
-- $1 room_id  $2 visitor
SELECT token_value, number, status, reason, ended_at FROM queue
WHERE room_id = $1 AND visitor = $2
ORDER BY generation DESC, number DESC LIMIT 1
