/*
sweep_expired -- write down that holds have ended: at most p_limit bookings past their deadline.
Lock order: seats by id, skipping those somebody works on, so that it never waits for one; then as
let_go. Any number of processes may run it at once.
Returns how many it ended.
Keeps B2, B9, B10. A seat that changed hands meanwhile is judged by its own row alone.
*/
CREATE OR REPLACE FUNCTION sweep_expired(p_limit integer) RETURNS integer
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    v_seats bigint[];
    v_stale bigint[];
    v_now CONSTANT timestamptz := clock_timestamp();  -- what ended by then has ended for good
BEGIN
    SELECT array_agg(l.concert_seat_id) INTO v_seats FROM (
        SELECT s.concert_seat_id FROM concert_seat s
        WHERE s.concert_seat_id = ANY (ARRAY(
            SELECT b.concert_seat_id FROM concert_booking b
            WHERE b.status = 'PENDING' AND b.expiration_at <= v_now
            ORDER BY b.expiration_at LIMIT p_limit))
        ORDER BY s.concert_seat_id FOR NO KEY UPDATE SKIP LOCKED) l;
    IF v_seats IS NULL THEN
        RETURN 0;
    END IF;
    SELECT array_agg(s.concert_booking_id) INTO v_stale FROM concert_seat s
    WHERE s.concert_seat_id = ANY (v_seats) AND s.held_until <= v_now;
    IF v_stale IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM let_go(v_stale, 'expired', v_now);
    RETURN cardinality(v_stale);
END $$;
