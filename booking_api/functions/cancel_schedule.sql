/*
cancel_schedule -- begin to cancel a date: nothing of it is sold any more, its waiting list ends, and
what is held or paid goes into a job that cancel_some works on. Asking the same again is harmless.
Lock order: the date, then entries of its waiting list.
Returns outcome: changed; not_found; schedule_canceled (for another reason, or another percentage).
*/
CREATE OR REPLACE FUNCTION cancel_schedule(
    p_schedule bigint, p_reason text, p_percent integer, p_operator text,
    OUT outcome text, OUT body jsonb
) LANGUAGE plpgsql AS $$
DECLARE
    v_was concert_schedule;
    v_total integer;
BEGIN
    SELECT * INTO v_was FROM concert_schedule d WHERE d.concert_schedule_id = p_schedule
    FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        outcome := 'not_found';
        RETURN;
    ELSIF v_was.state = 'canceled' THEN
        outcome := CASE WHEN EXISTS (
            SELECT FROM schedule_job j
            WHERE j.concert_schedule_id = p_schedule AND j.reason = p_reason
              AND j.refund_percent = p_percent) THEN 'changed' ELSE 'schedule_canceled' END;
        RETURN;
    END IF;
    UPDATE concert_schedule d SET state = 'canceled', version = v_was.version + 1, updated_at = now()
    WHERE d.concert_schedule_id = p_schedule;
    UPDATE waitlist w SET status = 'ENDED', reason = 'canceled', updated_at = clock_timestamp()
    WHERE w.concert_schedule_id = p_schedule AND w.status = 'WAITING';
    SELECT count(*) INTO v_total FROM concert_booking b
    WHERE b.concert_schedule_id = p_schedule AND b.status <> 'CANCELED';
    INSERT INTO schedule_job (concert_schedule_id, kind, reason, refund_percent, operator, total)
    VALUES (p_schedule, 'cancel', p_reason, p_percent, p_operator, v_total);
    PERFORM announce_schedule('schedule.canceled', p_schedule, jsonb_build_object(
        'reason', p_reason, 'refund_percent', p_percent));
    PERFORM audit_done(
        p_operator, 'schedule.cancel',
        (SELECT c.room_id FROM concert c WHERE c.concert_id = v_was.concert_id), p_schedule::text,
        jsonb_build_object('reason', p_reason, 'refund_percent', p_percent, 'bookings', v_total));
    outcome := 'changed';
END $$;

/*
cancel_some -- a batch of a job that cancel_schedule began: at most p_limit bookings, each ended with
its refund in this transaction. Whoever comes after a crash goes on where the last one came to.
Lock order: the job (one batch of a date at a time; a job that somebody works on is skipped), then as
cancel_bookings. A hold that was under way when the date was canceled is found by a later batch.
Returns how many bookings it ended; 0 when that finished a job; null when there is nothing to do.
Keeps B2, B5, B6, B7, B10.
*/
CREATE OR REPLACE FUNCTION cancel_some(
    p_limit integer, p_currency text, p_digits integer
) RETURNS integer LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    v_job schedule_job;
    v_live bigint[];
    v_holds integer := 0;
    v_paid integer := 0;
    v_refunded numeric := 0;
BEGIN
    SELECT * INTO v_job FROM schedule_job j WHERE j.finished_at IS NULL
    ORDER BY j.schedule_job_id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT array_agg(l.concert_booking_id) INTO v_live FROM (
        SELECT b.concert_booking_id FROM concert_booking b
        WHERE b.concert_schedule_id = v_job.concert_schedule_id AND b.status <> 'CANCELED'
        ORDER BY b.concert_booking_id LIMIT p_limit) l;
    IF v_live IS NOT NULL THEN
        SELECT c.holds, c.paid, c.refunded INTO v_holds, v_paid, v_refunded
        FROM cancel_bookings(v_live, 'date_canceled', v_job.reason, v_job.operator,
                             v_job.refund_percent, p_currency, p_digits) c;
    END IF;
    UPDATE schedule_job j
    SET done = j.done + v_holds + v_paid, total = greatest(j.total, j.done + v_holds + v_paid),
        refunded_amount = j.refunded_amount + v_refunded, updated_at = clock_timestamp(),
        finished_at = CASE WHEN v_live IS NULL THEN clock_timestamp() END
    WHERE j.schedule_job_id = v_job.schedule_job_id;
    RETURN coalesce(cardinality(v_live), 0);
END $$;
