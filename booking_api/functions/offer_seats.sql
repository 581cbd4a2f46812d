/*
offer_seats -- offer free seats of a date to those who wait for one, in the order of their places: at
most p_limit at once. An offer is a PENDING booking, with offer_ttl_s to be paid.
Lock order: the date's line, so that any number of processes may offer at once; seats, those that
nobody works on; counters by user_id, made where there are none; places.
A place whose visitor has no room for one more seat ends (limit); while that may only be so because
the end of a hold is not written yet, nobody is passed over.
Returns how many places it has moved on; there may be more to do unless it is 0.
Keeps B1, B2, B10, B11.
*/
CREATE OR REPLACE FUNCTION offer_seats(
    p_schedule bigint, p_limit integer, p_currency text, p_digits integer
) RETURNS integer
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    v_limit integer;
    v_ttl_s integer;
    v_seats bigint[];
    v_entries bigint[];
    v_entry record;
    v_seat bigint;
    v_booking bigint;
    v_made integer := 0;
    v_moved integer := 0;
    v_now timestamptz;
    v_until timestamptz;
BEGIN
    PERFORM lock_line(p_schedule);
    SELECT d.max_seats_per_user, d.offer_ttl_s INTO v_limit, v_ttl_s
    FROM concert_schedule d JOIN concert c USING (concert_id)
    WHERE d.concert_schedule_id = p_schedule AND d.state = 'on_sale' AND c.off_sale_at IS NULL
      AND EXISTS (SELECT FROM waitlist w
                  WHERE w.concert_schedule_id = p_schedule AND w.status = 'WAITING');
    IF NOT FOUND THEN
        RETURN 0;
    END IF;

    SELECT array_agg(l.concert_seat_id ORDER BY l.concert_seat_id) INTO v_seats FROM (
        SELECT s.concert_seat_id FROM concert_seat s
        WHERE s.concert_schedule_id = p_schedule AND s.status = 'AVAILABLE'
        ORDER BY s.concert_seat_id LIMIT p_limit FOR NO KEY UPDATE SKIP LOCKED) l;
    IF v_seats IS NULL THEN
        RETURN 0;
    END IF;
    v_entries := ARRAY(
        SELECT w.waitlist_id FROM waitlist w
        WHERE w.concert_schedule_id = p_schedule AND w.status = 'WAITING'
        ORDER BY w.waitlist_id LIMIT cardinality(v_seats));
    INSERT INTO user_schedule (user_id, concert_schedule_id, live_seats, seat_limit)
    SELECT w.user_id, p_schedule, 0, v_limit FROM waitlist w
    WHERE w.waitlist_id = ANY (v_entries) ORDER BY w.user_id
    ON CONFLICT DO NOTHING;
    PERFORM FROM user_schedule c
    WHERE c.concert_schedule_id = p_schedule AND c.user_id IN (
        SELECT w.user_id FROM waitlist w WHERE w.waitlist_id = ANY (v_entries))
    ORDER BY c.user_id FOR NO KEY UPDATE;
    v_now := clock_timestamp();
    v_until := date_trunc('milliseconds', v_now) + v_ttl_s * interval '1 second';

    FOR v_entry IN
        SELECT w.*, c.live_seats, coalesce(c.own_limit, v_limit) AS seat_limit
        FROM waitlist w JOIN user_schedule c USING (user_id, concert_schedule_id)
        WHERE w.waitlist_id = ANY (v_entries) AND w.status = 'WAITING'
        ORDER BY w.waitlist_id FOR NO KEY UPDATE OF w
    LOOP
        IF v_entry.live_seats >= v_entry.seat_limit THEN
            EXIT WHEN EXISTS (
                SELECT FROM concert_booking b
                WHERE b.user_id = v_entry.user_id AND b.concert_schedule_id = p_schedule
                  AND b.status = 'PENDING' AND b.expiration_at <= v_now);
            UPDATE waitlist w SET status = 'ENDED', reason = 'limit', updated_at = v_now
            WHERE w.waitlist_id = v_entry.waitlist_id;
            v_moved := v_moved + 1;
            CONTINUE;
        END IF;
        v_made := v_made + 1;
        v_moved := v_moved + 1;
        v_seat := v_seats[v_made];
        UPDATE user_schedule c
        SET live_seats = c.live_seats + 1, seat_limit = v_entry.seat_limit
        WHERE c.user_id = v_entry.user_id AND c.concert_schedule_id = p_schedule;
        INSERT INTO concert_booking AS b (user_id, concert_seat_id, concert_schedule_id, room_id,
                                          token_value, price, expiration_at, created_at, updated_at)
        SELECT v_entry.user_id, s.concert_seat_id, p_schedule, v_entry.room_id, v_entry.token_value,
               s.price, v_until, v_now, v_now
        FROM concert_seat s WHERE s.concert_seat_id = v_seat
        RETURNING b.concert_booking_id INTO v_booking;
        UPDATE concert_seat s
        SET status = 'RESERVED', concert_booking_id = v_booking, held_until = v_until,
            changed_xid = pg_current_xact_id(), updated_at = v_now
        WHERE s.concert_seat_id = v_seat;
        UPDATE waitlist w
        SET status = 'OFFERED', concert_booking_id = v_booking, updated_at = v_now
        WHERE w.waitlist_id = v_entry.waitlist_id;
        PERFORM announce_bookings(
            'waitlist.offered', ARRAY[v_booking], p_currency, p_digits,
            ARRAY[jsonb_build_object('waitlist_id', v_entry.waitlist_id)]);
    END LOOP;
    RETURN v_moved;
END $$;
