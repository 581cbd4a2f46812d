-- sweep_expired: see functions/sweep_expired.sql.
-- $1 most bookings to end
SELECT sweep_expired($1) AS ended
