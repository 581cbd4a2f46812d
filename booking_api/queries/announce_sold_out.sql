-- announce_sold_out: see functions/announce.sql.
-- $1 concert_schedule_id
SELECT announce_sold_out($1) AS said
