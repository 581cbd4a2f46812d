-- waitlist_place: a visitor's last place in a date's line.
-- $1 visitor  $2 concert_schedule_id  $3 currency  $4 digits
SELECT waitlist_shown(w.waitlist_id, $3, $4) AS body
FROM waitlist w JOIN users u USING (user_id)
WHERE u.external_id = $1 AND w.concert_schedule_id = $2
ORDER BY w.waitlist_id DESC LIMIT 1
