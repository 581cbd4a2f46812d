/*
leave_waitlist -- give up one's place in a date's line, and with it a seat that is offered.
Lock order: the date's line, the seat, then as let_go.
Returns outcome: left (also when the place had ended before), not_found (the visitor never had one).
An offer that was paid is no place any more; one that is past its deadline has lapsed.
Keeps B2, B5, B10.
*/
CREATE OR REPLACE FUNCTION leave_waitlist(
    p_visitor text, p_schedule bigint, OUT outcome text, OUT body jsonb
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    v_entry waitlist;
    v_booking concert_booking;
    v_now timestamptz;
BEGIN
    PERFORM lock_line(p_schedule);  -- so that no offer is made meanwhile
    SELECT w.* INTO v_entry FROM waitlist w JOIN users u USING (user_id)
    WHERE u.external_id = p_visitor AND w.concert_schedule_id = p_schedule
    ORDER BY w.waitlist_id DESC LIMIT 1;
    IF NOT FOUND THEN
        outcome := 'not_found';
        RETURN;
    END IF;

    outcome := 'left';
    IF v_entry.status = 'WAITING' THEN
        UPDATE waitlist w SET status = 'ENDED', reason = 'left', updated_at = clock_timestamp()
        WHERE w.waitlist_id = v_entry.waitlist_id;
    ELSIF v_entry.status = 'OFFERED' THEN
        PERFORM FROM concert_seat s
        WHERE s.concert_seat_id = (SELECT b.concert_seat_id FROM concert_booking b
                                   WHERE b.concert_booking_id = v_entry.concert_booking_id)
        FOR NO KEY UPDATE;
        v_now := clock_timestamp();
        SELECT b.* INTO v_booking FROM concert_booking b
        WHERE b.concert_booking_id = v_entry.concert_booking_id;
        IF v_booking.status = 'PENDING' THEN
            PERFORM let_go(ARRAY[v_booking.concert_booking_id], 'owner', v_now);
            UPDATE waitlist w SET reason = 'left'
            WHERE w.waitlist_id = v_entry.waitlist_id AND v_booking.expiration_at > v_now;
        END IF;
    END IF;
END $$;
