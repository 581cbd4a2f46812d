/*
change_schedule -- give a date new settings; fields that p_changes lacks keep their values. A date
that moves is announced, and so is each of its CONFIRMED bookings.
Lock order: the date alone; its seats and bookings are not touched. Holds that are under way go by
the settings they have read.
Returns outcome: changed; not_found; version_conflict (p_expected is neither its version nor '*');
schedule_canceled (canceled is final).
Keeps B10: a lower limit takes nothing from anybody; it holds from the next seat on.
*/
CREATE OR REPLACE FUNCTION change_schedule(
    p_schedule bigint, p_expected text, p_changes jsonb, p_operator text,
    p_currency text, p_digits integer, OUT outcome text, OUT body jsonb
) LANGUAGE plpgsql AS $$
DECLARE
    v_was concert_schedule;
    v_is concert_schedule;
    v_moved jsonb;
    v_sold bigint[];
BEGIN
    SELECT * INTO v_was FROM concert_schedule d WHERE d.concert_schedule_id = p_schedule
    FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        outcome := 'not_found';
        RETURN;
    ELSIF p_expected NOT IN ('*', v_was.version::text) THEN
        outcome := 'version_conflict';
        RETURN;
    ELSIF v_was.state = 'canceled' THEN
        outcome := 'schedule_canceled';
        RETURN;
    END IF;
    v_is := jsonb_populate_record(v_was, p_changes);
    UPDATE concert_schedule d
    SET schedule_date = v_is.schedule_date, state = v_is.state, hold_ttl_s = v_is.hold_ttl_s,
        hold_extension_s = v_is.hold_extension_s, max_seats_per_user = v_is.max_seats_per_user,
        max_let_go_per_hour = v_is.max_let_go_per_hour, offer_ttl_s = v_is.offer_ttl_s,
        avoid_orphans = v_is.avoid_orphans, refund_until = v_is.refund_until,
        limited_at = CASE WHEN v_is.max_seats_per_user = v_was.max_seats_per_user
                          THEN v_was.limited_at ELSE clock_timestamp() END,
        version = v_was.version + 1, updated_at = now()
    WHERE d.concert_schedule_id = p_schedule;
    PERFORM audit_done(
        p_operator, 'schedule.change',
        (SELECT c.room_id FROM concert c WHERE c.concert_id = v_was.concert_id),
        p_schedule::text, changed(to_jsonb(v_was), p_changes));
    IF v_is.schedule_date <> v_was.schedule_date THEN
        v_moved := jsonb_build_object('moved_from', utc_text(v_was.schedule_date));
        PERFORM announce_schedule('schedule.moved', p_schedule, v_moved);
        SELECT array_agg(b.concert_booking_id) INTO v_sold FROM concert_booking b
        WHERE b.concert_schedule_id = p_schedule AND b.status = 'CONFIRMED';
        IF v_sold IS NOT NULL THEN
            PERFORM announce_bookings('schedule.moved', v_sold, p_currency, p_digits,
                                      array_fill(v_moved, ARRAY[cardinality(v_sold)]));
        END IF;
    END IF;
    outcome := 'changed';
END $$;
