-- cancel_holds: see booking_api/functions/cancel_holds.sql.
-- $1 visitor  $2 room_id
SELECT cancel_holds($1, $2)
