-- seats_left: how many seats of each date that is on sale are free, held and sold, by price band; the
-- first dates and their dearest bands first. At least one row, for the version.
-- The version says how much was committed before: it never falls, and a count that knows of more has
-- a higher one. A hold past its deadline counts as free; `lapses_in_s`: until the next one is. A free
-- seat that the waiting list is to be offered first is as good as held. `settled`: the room knows of
-- everybody who paid, so that its end takes no buyer's token for that of somebody who waits in vain.
WITH on_sale AS (
    SELECT c.room_id, d.concert_id, d.concert_schedule_id, d.schedule_date,
           d.sold_out_at IS NOT NULL AS told_sold_out,
           EXISTS (SELECT FROM waitlist w
                   WHERE w.concert_schedule_id = d.concert_schedule_id AND w.status = 'WAITING') AS kept,
           c.room_id NOT IN (SELECT t.room_id FROM token_completion t) AS settled
    FROM concert c JOIN concert_schedule d USING (concert_id)
    WHERE c.off_sale_at IS NULL AND d.state = 'on_sale'
), counted AS (
    SELECT s.concert_schedule_id, s.band, s.price,
           count(*) FILTER (WHERE s.status = 'AVAILABLE'
                            OR (s.status = 'RESERVED' AND s.held_until <= now())) AS free,
           count(*) FILTER (WHERE s.status = 'RESERVED' AND s.held_until > now()) AS held,
           count(*) FILTER (WHERE s.status = 'SOLD') AS sold,
           min(s.held_until) FILTER (WHERE s.held_until > now()) AS lapses_at
    FROM concert_seat s
    WHERE s.concert_schedule_id = ANY (ARRAY(SELECT o.concert_schedule_id FROM on_sale o))
    GROUP BY s.concert_schedule_id, s.band, s.price
)
SELECT v.version, v.last_booking, o.room_id, o.concert_id, o.concert_schedule_id, o.schedule_date,
       o.told_sold_out, o.settled, n.band, n.price,
       CASE WHEN o.kept THEN 0 ELSE n.free END AS available,
       CASE WHEN o.kept THEN n.free + n.held ELSE n.held END AS reserved, n.sold,
       extract(epoch FROM n.lapses_at - now())::float8 AS lapses_in_s
FROM (SELECT pg_snapshot_xmax(s)::text::bigint - (SELECT count(*) FROM pg_snapshot_xip(s)) AS version,
             coalesce((SELECT max(b.concert_booking_id) FROM concert_booking b), 0) AS last_booking
      FROM pg_current_snapshot() s) v
LEFT JOIN (on_sale o JOIN counted n USING (concert_schedule_id)) ON true
ORDER BY o.schedule_date, o.concert_schedule_id, n.price DESC, n.band
