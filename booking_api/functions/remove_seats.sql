/*
remove_seats -- take seats out of a date's hall, all or none: those that nobody ever booked.
Lock order: the date, then seats by id.
Returns outcome and body:
    changed     {"seats_removed": n}
    not_found   {"seats": [unknown]}, or null for a date that is not there
    seat_taken  {"seats": [those that were booked]}
Keeps B12. Maps older than this transaction are to be read anew: a change cannot tell of what is gone.
*/
CREATE OR REPLACE FUNCTION remove_seats(
    p_schedule bigint, p_seats text[], p_operator text, OUT outcome text, OUT body jsonb
) LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    v_room text;
    v_seats bigint[];
    v_booked text[];
BEGIN
    SELECT c.room_id INTO v_room FROM concert_schedule d JOIN concert c USING (concert_id)
    WHERE d.concert_schedule_id = p_schedule FOR NO KEY UPDATE OF d;
    IF NOT FOUND THEN
        outcome := 'not_found';
        RETURN;
    END IF;
    SELECT array_agg(l.concert_seat_id) INTO v_seats FROM (
        SELECT s.concert_seat_id FROM concert_seat s
        WHERE s.concert_schedule_id = p_schedule AND s.seat_number = ANY (p_seats)
        ORDER BY s.concert_seat_id FOR UPDATE) l;
    IF coalesce(cardinality(v_seats), 0) < cardinality(p_seats) THEN
        outcome := 'not_found';
        body := jsonb_build_object('seats', (
            SELECT jsonb_agg(n) FROM unnest(p_seats) n
            WHERE NOT EXISTS (SELECT FROM concert_seat s
                              WHERE s.concert_schedule_id = p_schedule AND s.seat_number = n)));
        RETURN;
    END IF;
    SELECT array_agg(s.seat_number ORDER BY s.seat_number) INTO v_booked
    FROM concert_seat s WHERE s.concert_seat_id = ANY (v_seats)
      AND EXISTS (SELECT FROM concert_booking b WHERE b.concert_seat_id = s.concert_seat_id);
    IF v_booked IS NOT NULL THEN
        outcome := 'seat_taken';
        body := jsonb_build_object('seats', v_booked);
        RETURN;
    END IF;
    DELETE FROM concert_seat s WHERE s.concert_seat_id = ANY (v_seats);
    UPDATE concert_schedule d
    SET seats_loaded = d.seats_loaded - cardinality(v_seats), removed_xid = pg_current_xact_id(),
        updated_at = now()
    WHERE d.concert_schedule_id = p_schedule;
    outcome := 'changed';
    body := jsonb_build_object('seats_removed', cardinality(v_seats));
    PERFORM audit_done(
        p_operator, 'seats.remove', v_room, p_schedule::text,
        body || jsonb_build_object('first', p_seats[1], 'last', p_seats[cardinality(p_seats)]));
END $$;
