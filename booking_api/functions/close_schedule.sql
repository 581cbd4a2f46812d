/*
close_schedule -- sell no more of a date, and end its waiting list; what was sold stays, and holds
may still be paid. Repeating it is harmless.
Lock order: the date, then entries of its waiting list.
Returns outcome: changed; not_found; schedule_canceled.
*/
CREATE OR REPLACE FUNCTION close_schedule(
    p_schedule bigint, p_operator text, OUT outcome text, OUT body jsonb
) LANGUAGE plpgsql AS $$
DECLARE
    v_was concert_schedule;
    v_ended integer;
BEGIN
    SELECT * INTO v_was FROM concert_schedule d WHERE d.concert_schedule_id = p_schedule
    FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        outcome := 'not_found';
        RETURN;
    ELSIF v_was.state = 'canceled' THEN
        outcome := 'schedule_canceled';
        RETURN;
    END IF;
    UPDATE concert_schedule d SET state = 'stopped', version = v_was.version + 1, updated_at = now()
    WHERE d.concert_schedule_id = p_schedule;
    UPDATE waitlist w SET status = 'ENDED', reason = 'canceled', updated_at = clock_timestamp()
    WHERE w.concert_schedule_id = p_schedule AND w.status = 'WAITING';
    GET DIAGNOSTICS v_ended = ROW_COUNT;
    PERFORM audit_done(
        p_operator, 'schedule.close',
        (SELECT c.room_id FROM concert c WHERE c.concert_id = v_was.concert_id), p_schedule::text,
        jsonb_build_object('waitlist_ended', v_ended, 'was', jsonb_build_object('state', v_was.state)));
    outcome := 'changed';
END $$;
