-- add_seats: seats of a date in bulk, in their order; none when there is no such date.
-- $1 concert_schedule_id  $2 seat_number[]  $3 price[]  $4 operator
-- $5 section[]  $6 seat_row[]  $7 place[]  $8 band[]
WITH added AS (
    INSERT INTO concert_seat (concert_schedule_id, seat_number, price, section, seat_row, place, band)
    SELECT d.concert_schedule_id, n.seat_number, n.price::numeric, n.section, n.seat_row, n.place, n.band
    FROM concert_schedule d,
         unnest($2::text[], $3::text[], $5::text[], $6::text[], $7::integer[], $8::text[])
             WITH ORDINALITY AS n (seat_number, price, section, seat_row, place, band, line)
    WHERE d.concert_schedule_id = $1
    ORDER BY n.line
    RETURNING 1
), loaded AS (
    UPDATE concert_schedule SET seats_loaded = seats_loaded + cardinality($2::text[]), updated_at = now()
    WHERE concert_schedule_id = $1
), kept AS (
    INSERT INTO audit (operator, action, room_id, subject, changes, outcome, ended_at)
    SELECT $4, 'seats.add', c.room_id, d.concert_schedule_id::text,
           jsonb_build_object('seats_added', cardinality($2::text[]), 'first', ($2::text[])[1],
                              'last', ($2::text[])[cardinality($2::text[])]), 'done', now()
    FROM concert_schedule d JOIN concert c USING (concert_id)
    WHERE d.concert_schedule_id = $1
)
SELECT count(*) AS seats_added FROM added
