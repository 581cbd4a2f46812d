/*
set_prices -- give seats of a date new prices, by rules [{"price", "band", "section", "seat_numbers"}];
a seat goes by the last rule whose conditions all hold for it. Seats that are held or sold keep the
price they were booked for, and theirs stays on the map.
Lock order: seats by id.
Returns outcome and body:
    changed             {"changed": free seats with a new price, "kept": those held or sold}
    not_found           {"seats": [unknown]}, or null for a date that is not there
    schedule_canceled
*/
CREATE OR REPLACE FUNCTION set_prices(
    p_schedule bigint, p_rules jsonb, p_operator text, OUT outcome text, OUT body jsonb
) LANGUAGE plpgsql AS $$
DECLARE
    v_room text;
    v_state text;
    v_unknown text[];
    v_seats bigint[];
    v_prices numeric[];
    v_changed integer;
    v_kept integer;
    v_now timestamptz;
BEGIN
    SELECT c.room_id, d.state INTO v_room, v_state
    FROM concert_schedule d JOIN concert c USING (concert_id)
    WHERE d.concert_schedule_id = p_schedule;
    IF NOT FOUND THEN
        outcome := 'not_found';
        RETURN;
    ELSIF v_state = 'canceled' THEN
        outcome := 'schedule_canceled';
        RETURN;
    END IF;
    SELECT array_agg(DISTINCT n ORDER BY n) INTO v_unknown
    FROM jsonb_array_elements(p_rules) r, jsonb_array_elements_text(r -> 'seat_numbers') n
    WHERE NOT EXISTS (SELECT FROM concert_seat s
                      WHERE s.concert_schedule_id = p_schedule AND s.seat_number = n);
    IF v_unknown IS NOT NULL THEN
        outcome := 'not_found';
        body := jsonb_build_object('seats', v_unknown);
        RETURN;
    END IF;

    WITH rules AS (
        SELECT r ->> 'band' AS band, r ->> 'section' AS section, (r ->> 'price')::numeric AS price, o,
               ARRAY(SELECT jsonb_array_elements_text(r -> 'seat_numbers')) AS seat_numbers
        FROM jsonb_array_elements(p_rules) WITH ORDINALITY AS e (r, o)
    ), priced AS (
        SELECT DISTINCT ON (s.concert_seat_id) s.concert_seat_id, r.price
        FROM rules r JOIN concert_seat s
            ON s.concert_schedule_id = p_schedule
            AND (r.band IS NULL OR s.band = r.band) AND (r.section IS NULL OR s.section = r.section)
            AND (r.seat_numbers = '{}' OR s.seat_number = ANY (r.seat_numbers))
        ORDER BY s.concert_seat_id, r.o DESC
    )
    SELECT array_agg(p.concert_seat_id ORDER BY p.concert_seat_id),
           array_agg(p.price ORDER BY p.concert_seat_id)
    INTO v_seats, v_prices FROM priced p;

    PERFORM FROM concert_seat s WHERE s.concert_seat_id = ANY (v_seats)
    ORDER BY s.concert_seat_id FOR NO KEY UPDATE;
    v_now := clock_timestamp();
    SELECT count(*) INTO v_kept FROM concert_seat s
    WHERE s.concert_seat_id = ANY (v_seats)
      AND (s.status = 'SOLD' OR (s.status = 'RESERVED' AND s.held_until > v_now));
    UPDATE concert_seat s
    SET price = p.price, changed_xid = pg_current_xact_id(), updated_at = v_now
    FROM unnest(v_seats, v_prices) AS p (concert_seat_id, price)
    WHERE s.concert_seat_id = p.concert_seat_id AND s.price <> p.price
      AND (s.status = 'AVAILABLE' OR (s.status = 'RESERVED' AND s.held_until <= v_now));
    GET DIAGNOSTICS v_changed = ROW_COUNT;
    outcome := 'changed';
    body := jsonb_build_object('changed', v_changed, 'kept', v_kept);
    PERFORM audit_done(
        p_operator, 'seats.price', v_room, p_schedule::text,
        body || jsonb_build_object('prices', (
            SELECT jsonb_agg(CASE WHEN r ? 'seat_numbers' THEN
                       r - 'seat_numbers'
                       || jsonb_build_object('seats', jsonb_array_length(r -> 'seat_numbers'),
                                             'first', r #> '{seat_numbers,0}')
                       ELSE r END)
            FROM jsonb_array_elements(p_rules) r)));
END $$;
