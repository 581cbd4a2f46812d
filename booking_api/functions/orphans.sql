/*
is_free -- whether a seat can be had at p_now: a hold past its deadline has ended.
*/
CREATE OR REPLACE FUNCTION is_free(s concert_seat, p_now timestamptz) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT s.status = 'AVAILABLE' OR (s.status = 'RESERVED' AND s.held_until <= p_now)
$$;

/*
beside -- the seats that decide with these ones whether an orphan is left: up to two places further,
in the same row.
*/
CREATE OR REPLACE FUNCTION beside(p_schedule bigint, p_seats bigint[]) RETURNS bigint[]
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN ARRAY(
        SELECT DISTINCT n.concert_seat_id
        FROM concert_seat w JOIN concert_seat n
            ON n.concert_schedule_id = p_schedule AND n.section = w.section
            AND n.seat_row = w.seat_row AND n.place BETWEEN w.place - 2 AND w.place + 2
        WHERE w.concert_seat_id = ANY (p_seats) AND n.concert_seat_id <> ALL (p_seats));
END $$;

/*
new_orphans -- the numbers of free seats that would be alone if these free seats were taken; null if
none. A seat is alone when both its neighbours (one place before and one after, in its row) are
there and are not free; the end of a row and an aisle leave nobody alone. What was alone before is
not new: it has no neighbour among these seats.
Judges what is committed: the caller holds the locks of the seats and of those beside them.
*/
CREATE OR REPLACE FUNCTION new_orphans(p_schedule bigint, p_seats bigint[], p_now timestamptz)
RETURNS text[] LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (
        SELECT array_agg(DISTINCT f.seat_number ORDER BY f.seat_number)
        FROM concert_seat w JOIN concert_seat f
            ON f.concert_schedule_id = p_schedule AND f.section = w.section
            AND f.seat_row = w.seat_row AND f.place IN (w.place - 1, w.place + 1)
        WHERE w.concert_seat_id = ANY (p_seats) AND f.concert_seat_id <> ALL (p_seats)
          AND is_free(f, p_now)
          AND 2 = (SELECT count(*) FROM concert_seat n
                   WHERE n.concert_schedule_id = p_schedule AND n.section = f.section
                     AND n.seat_row = f.seat_row AND n.place IN (f.place - 1, f.place + 1)
                     AND (n.concert_seat_id = ANY (p_seats) OR NOT is_free(n, p_now))));
END $$;

/*
free_runs -- every way to take p_count free seats side by side in a row of a date, of p_section and
none dearer than p_max_price where they are given: the place of the first of them. One seat alone is
a run of one, also without a row. ahead: how many such seats, side by side with it, come before it.
*/
CREATE OR REPLACE FUNCTION free_runs(
    p_schedule bigint, p_count integer, p_section text, p_max_price numeric, p_now timestamptz
) RETURNS TABLE (
    concert_seat_id bigint, section text, seat_row text, place integer, ahead bigint
) LANGUAGE sql STABLE AS $$
    SELECT f.concert_seat_id, f.section, f.seat_row, f.place,
           row_number() OVER (PARTITION BY f.section, f.seat_row, f.piece ORDER BY f.place) - 1
    FROM (
        SELECT s.concert_seat_id, s.section, s.seat_row, s.place,
               lead(s.place, p_count - 1) OVER line AS last_place,
               s.place - row_number() OVER line AS piece
        FROM concert_seat s
        WHERE s.concert_schedule_id = p_schedule AND is_free(s, p_now)
          AND (p_section IS NULL OR s.section = p_section)
          AND (p_max_price IS NULL OR s.price <= p_max_price)
        WINDOW line AS (PARTITION BY s.section, s.seat_row ORDER BY s.place)) f
    WHERE p_count = 1 OR f.last_place = f.place + p_count - 1
$$;

/*
leaves_orphan -- whether taking the free seats from one place to another of a row leaves a free seat
alone, as new_orphans says.
*/
CREATE OR REPLACE FUNCTION leaves_orphan(
    p_schedule bigint, p_section text, p_row text, p_from integer, p_to integer, p_now timestamptz
) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM (VALUES (p_from - 1, p_from - 2), (p_to + 1, p_to + 2)) AS e (alone, beyond)
        JOIN concert_seat a
            ON a.concert_schedule_id = p_schedule AND a.section = p_section AND a.seat_row = p_row
            AND a.place = e.alone AND is_free(a, p_now)
        JOIN concert_seat b
            ON b.concert_schedule_id = p_schedule AND b.section = p_section AND b.seat_row = p_row
            AND b.place = e.beyond AND NOT is_free(b, p_now));
END $$;

/*
orphaned -- the orphans that the rule forbids to leave: new ones, as long as there is another choice,
which is as many free seats side by side of the same kind (free_runs) that leave none. Null when these
seats may be taken. The locks are new_orphans'; another choice is looked for without locks.
*/
CREATE OR REPLACE FUNCTION orphaned(
    p_schedule bigint, p_seats bigint[], p_section text, p_max_price numeric, p_now timestamptz
) RETURNS text[] LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_count CONSTANT integer := cardinality(p_seats);
    v_orphans CONSTANT text[] := new_orphans(p_schedule, p_seats, p_now);
BEGIN
    IF v_orphans IS NOT NULL AND EXISTS (
        SELECT FROM free_runs(p_schedule, v_count, p_section, p_max_price, p_now) r
        WHERE NOT leaves_orphan(p_schedule, r.section, r.seat_row, r.place, r.place + v_count - 1,
                                p_now)) THEN
        RETURN v_orphans;
    END IF;
    RETURN NULL;
END $$;
