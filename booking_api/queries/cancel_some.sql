-- cancel_some: see functions/cancel_schedule.sql.
-- $1 most bookings to end  $2 currency  $3 digits
SELECT cancel_some($1, $2, $3) AS ended
