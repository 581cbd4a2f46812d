/*
cancel_holds -- let all holds go that a visitor has by a room's tokens, at an operator's wish.
Lock order: seats by id, counters by date. A hold that was paid or ended meanwhile stays what it is.
Returns how many it ended.
Keeps B2, B5, B10.
*/
CREATE OR REPLACE FUNCTION cancel_holds(p_visitor text, p_room text) RETURNS integer
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    v_held bigint[];
BEGIN
    SELECT array_agg(b.concert_booking_id) INTO v_held
    FROM concert_booking b JOIN users u USING (user_id)
    WHERE u.external_id = p_visitor AND b.room_id = p_room AND b.status = 'PENDING';
    IF v_held IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM FROM concert_seat s
    WHERE s.concert_seat_id = ANY (ARRAY(
        SELECT b.concert_seat_id FROM concert_booking b WHERE b.concert_booking_id = ANY (v_held)))
    ORDER BY s.concert_seat_id FOR NO KEY UPDATE;
    SELECT array_agg(b.concert_booking_id) INTO v_held FROM concert_booking b
    WHERE b.concert_booking_id = ANY (v_held) AND b.status = 'PENDING';
    IF v_held IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM let_go(v_held, 'operator', clock_timestamp());
    RETURN cardinality(v_held);
END $$;
