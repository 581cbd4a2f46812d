-- add_seats: seats of a date in bulk, in their order; none when there is no such date.
-- $1 concert_schedule_id  $2 seat_number[]  $3 price[]
WITH added AS (
    INSERT INTO concert_seat (concert_schedule_id, seat_number, price)
    SELECT d.concert_schedule_id, n.seat_number, n.price
    FROM concert_schedule d,
         unnest($2::text[], $3::numeric[]) WITH ORDINALITY AS n (seat_number, price, place)
    WHERE d.concert_schedule_id = $1
    ORDER BY n.place
    RETURNING 1
), loaded AS (
    UPDATE concert_schedule SET seats_loaded = seats_loaded + cardinality($2::text[]), updated_at = now()
    WHERE concert_schedule_id = $1
)
SELECT count(*) AS seats_added FROM added
