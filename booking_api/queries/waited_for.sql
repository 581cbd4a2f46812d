-- waited_for: the dates for which somebody waits.
SELECT DISTINCT concert_schedule_id FROM waitlist WHERE status = 'WAITING'
