/*
best_runs -- the best choices of p_count free seats side by side, as an array of p_most arrays at
most, and only those that leave no orphan if p_avoid says so; null when there is none. First those
that cut no piece of free seats into parts that fit nobody of the same count; of these the ones
loaded first.
*/
CREATE OR REPLACE FUNCTION best_runs(
    p_schedule bigint, p_count integer, p_section text, p_max_price numeric,
    p_avoid boolean, p_most integer, p_now timestamptz
) RETURNS bigint[] LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (
        SELECT array_agg(CASE p_count WHEN 1 THEN ARRAY[b.concert_seat_id] ELSE ARRAY(
                   SELECT n.concert_seat_id FROM concert_seat n
                   WHERE n.concert_schedule_id = p_schedule AND n.section = b.section
                     AND n.seat_row = b.seat_row
                     AND n.place BETWEEN b.place AND b.place + p_count - 1
                   ORDER BY n.place) END ORDER BY b.cut, b.concert_seat_id)
        FROM (
            SELECT r.* FROM (
                SELECT f.*, f.ahead % p_count <> 0 AS cut
                FROM free_runs(p_schedule, p_count, p_section, p_max_price, p_now) f
                ORDER BY cut, f.concert_seat_id
                OFFSET 0) r  -- in this order, so that not more is asked of them than are needed
            WHERE NOT p_avoid OR NOT leaves_orphan(
                p_schedule, r.section, r.seat_row, r.place, r.place + p_count - 1, p_now)
            LIMIT p_most) b);
END $$;

/*
best_free -- the best choices of p_count free seats, as best_runs gives them; null when there is none.
Side by side (p_adjacent): those that leave no orphan if p_avoid says so, or any if there are none.
Else: the ones loaded first, wherever they are, after those side by side that leave no orphan if
p_avoid says so.
*/
CREATE OR REPLACE FUNCTION best_free(
    p_schedule bigint, p_count integer, p_adjacent boolean, p_section text, p_max_price numeric,
    p_avoid boolean, p_most integer, p_now timestamptz
) RETURNS bigint[] LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_runs bigint[];
    v_more bigint[];
BEGIN
    IF p_avoid THEN
        v_runs := best_runs(p_schedule, p_count, p_section, p_max_price, true, p_most, p_now);
    END IF;
    IF p_adjacent AND v_runs IS NULL THEN
        v_runs := best_runs(p_schedule, p_count, p_section, p_max_price, false, p_most, p_now);
    END IF;
    IF NOT p_adjacent THEN
        SELECT array_agg(g.seats) INTO v_more FROM (
            SELECT array_agg(f.concert_seat_id) AS seats FROM (
                SELECT s.concert_seat_id,
                       (row_number() OVER (ORDER BY s.concert_seat_id) - 1) / p_count AS part
                FROM concert_seat s
                WHERE s.concert_schedule_id = p_schedule AND is_free(s, p_now)
                  AND (p_section IS NULL OR s.section = p_section)
                  AND (p_max_price IS NULL OR s.price <= p_max_price)
                ORDER BY s.concert_seat_id LIMIT p_most * p_count) f
            GROUP BY f.part HAVING count(*) = p_count ORDER BY f.part) g;
    END IF;
    RETURN v_runs || v_more;
END $$;

/*
try_seats -- lock these seats, with those that the visitor lets go (p_own) and, if p_avoid, with
those beside them; keep the locks if the seats are free, fit and obey the rule, and else give all
these locks back.
Locks: seats by id; without p_wait only if nobody has any of them.
Returns whether it keeps them.
*/
CREATE OR REPLACE FUNCTION try_seats(
    p_schedule bigint, p_seats bigint[], p_count integer, p_adjacent boolean, p_section text,
    p_max_price numeric, p_own bigint[], p_avoid boolean, p_wait boolean
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    v_all bigint[] := p_own || p_seats;
    v_locked integer;
    v_good boolean;
    v_now timestamptz;
BEGIN
    IF p_avoid THEN
        v_all := v_all || beside(p_schedule, p_seats);
    END IF;
    BEGIN
        IF p_wait THEN
            PERFORM FROM concert_seat s WHERE s.concert_seat_id = ANY (v_all)
            ORDER BY s.concert_seat_id FOR NO KEY UPDATE;
        ELSE
            SELECT count(*) INTO v_locked FROM (
                SELECT FROM concert_seat s WHERE s.concert_seat_id = ANY (v_all)
                ORDER BY s.concert_seat_id FOR NO KEY UPDATE SKIP LOCKED) l;
            IF v_locked < (SELECT count(DISTINCT a) FROM unnest(v_all) a) THEN
                RAISE SQLSTATE 'OS001';
            END IF;
        END IF;
        v_now := clock_timestamp();
        SELECT count(*) = p_count AND (NOT p_adjacent OR p_count = 1 OR (
                   count(DISTINCT (s.section, s.seat_row)) = 1
                   AND max(s.place) - min(s.place) = p_count - 1))
        INTO v_good
        FROM concert_seat s
        WHERE s.concert_seat_id = ANY (p_seats) AND s.concert_schedule_id = p_schedule
          AND is_free(s, v_now)
          AND (p_section IS NULL OR s.section = p_section)
          AND (p_max_price IS NULL OR s.price <= p_max_price);
        IF NOT v_good OR (p_avoid AND orphaned(p_schedule, p_seats, p_section, p_max_price, v_now)
                          IS NOT NULL) THEN
            RAISE SQLSTATE 'OS001';
        END IF;
        RETURN true;
    EXCEPTION WHEN SQLSTATE 'OS001' THEN
        RETURN false;
    END;
END $$;

/*
lock_best -- choose p_count free seats and lock them as try_seats does.
p_candidates, arrays of so many seats with the best first, are tried in their order, and so are the
best_free of the database; those that somebody works on are passed over. When all of these are gone,
the best of them is waited for. So nothing is refused as long as there is something.
p_candidates null: not known; empty: known that there are none, and nothing is searched.
Returns outcome: found, with the seats; none_left; busy (others were faster, again and again).
*/
CREATE OR REPLACE FUNCTION lock_best(
    p_schedule bigint, p_count integer, p_adjacent boolean, p_section text, p_max_price numeric,
    p_candidates bigint[], p_own bigint[], p_avoid boolean, OUT outcome text, OUT seats bigint[]
) LANGUAGE plpgsql AS $$
DECLARE
    c_rounds CONSTANT integer := 10;
    c_most CONSTANT integer := 40;
    v_tries bigint[] := p_candidates;
BEGIN
    outcome := 'found';
    FOR v_round IN 0 .. c_rounds LOOP
        IF v_round > 0 AND p_candidates = '{}' THEN
            v_tries := NULL;
        ELSIF v_round > 0 THEN
            v_tries := best_free(p_schedule, p_count, p_adjacent, p_section, p_max_price, p_avoid,
                                 c_most, clock_timestamp());
        END IF;
        IF v_round > 0 AND v_tries IS NULL THEN
            outcome := 'none_left';
            seats := NULL;
            RETURN;
        END IF;
        CONTINUE WHEN coalesce(cardinality(v_tries), 0) = 0;  -- no array to slice
        FOREACH seats SLICE 1 IN ARRAY v_tries LOOP
            IF try_seats(p_schedule, seats, p_count, p_adjacent, p_section, p_max_price, p_own,
                         p_avoid, false) THEN
                RETURN;
            END IF;
        END LOOP;
        IF v_round > 0 THEN
            seats := ARRAY(SELECT unnest(v_tries[1:1]));
            IF try_seats(p_schedule, seats, p_count, p_adjacent, p_section, p_max_price, p_own,
                         p_avoid, true) THEN
                RETURN;
            END IF;
        END IF;
    END LOOP;
    outcome := 'busy';
    seats := NULL;
END $$;
