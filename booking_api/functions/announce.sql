/*
announce -- write down what other systems are to be told, in the transaction of what happened.
Events of one booking, and a date's own, are delivered in the order of their rows; see
booking_api/webhooks.py. p_booking null: it is about the date.
*/
CREATE OR REPLACE FUNCTION announce(
    p_kind text, p_booking bigint, p_schedule bigint, p_payload jsonb
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO webhook_event (kind, concert_booking_id, concert_schedule_id, payload)
    VALUES (p_kind, p_booking, p_schedule, p_payload);
END $$;

/*
announce_bookings -- the same for bookings, each as it is now and as the API shows it, with whose it
is; p_more, if given, is added to them one by one. One INSERT for all of them.
The caller holds the locks of their seats: a booking's events then have the order of its changes.
*/
CREATE OR REPLACE FUNCTION announce_bookings(
    p_kind text, p_bookings bigint[], p_currency text, p_digits integer, p_more jsonb[] DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
    INSERT INTO webhook_event (kind, concert_booking_id, concert_schedule_id, payload)
    SELECT p_kind, b.concert_booking_id, b.concert_schedule_id, jsonb_build_object(
               'concert_booking_id', b.concert_booking_id,
               'concert_id', c.concert_id,
               'concert_name', c.concert_name,
               'concert_schedule_id', b.concert_schedule_id,
               'schedule_date', utc_text(d.schedule_date),
               'concert_seat_id', b.concert_seat_id,
               'seat_number', s.seat_number,
               'visitor', u.external_id,
               'price', money_text(b.price, p_digits),
               'refunded', money_text(coalesce(p.refunded_amount, 0), p_digits),
               'currency', p_currency,
               'status', b.status,
               'canceled_reason', b.canceled_reason,
               'expiration_at', utc_text(b.expiration_at),
               'created_at', utc_text(b.created_at)) || coalesce(n.more, '{}')
    FROM unnest(p_bookings, p_more) AS n (concert_booking_id, more)
    JOIN concert_booking b USING (concert_booking_id)
    JOIN users u USING (user_id)
    JOIN concert_seat s ON s.concert_seat_id = b.concert_seat_id
    JOIN concert_schedule d ON d.concert_schedule_id = b.concert_schedule_id
    JOIN concert c USING (concert_id)
    LEFT JOIN payment p ON p.concert_booking_id = b.concert_booking_id
    ORDER BY b.concert_booking_id;
END $$;

/*
announce_schedule -- the same for a date as it is now; p_more is added.
*/
CREATE OR REPLACE FUNCTION announce_schedule(
    p_kind text, p_schedule bigint, p_more jsonb DEFAULT '{}'
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO webhook_event (kind, concert_schedule_id, payload)
    SELECT p_kind, d.concert_schedule_id, jsonb_build_object(
               'concert_schedule_id', d.concert_schedule_id,
               'schedule_date', utc_text(d.schedule_date),
               'concert_id', c.concert_id,
               'concert_name', c.concert_name,
               'room_id', c.room_id) || p_more
    FROM concert_schedule d JOIN concert c USING (concert_id)
    WHERE d.concert_schedule_id = p_schedule;
END $$;

/*
announce_sold_out -- say that a date is sold out, once for each time that it becomes so.
To be called when no seat of it seemed left, by whoever counts; any number may. Judges under the
lock of the date's row, which no hold and no payment takes.
Returns whether it was said. A date of which a seat came back can be sold out again.
*/
CREATE OR REPLACE FUNCTION announce_sold_out(p_schedule bigint) RETURNS boolean
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    v_said timestamptz;
    v_sold_out boolean;
BEGIN
    SELECT d.sold_out_at INTO v_said FROM concert_schedule d
    WHERE d.concert_schedule_id = p_schedule FOR NO KEY UPDATE;
    SELECT coalesce(bool_and(s.status = 'SOLD'), false) INTO v_sold_out FROM concert_seat s
    WHERE s.concert_schedule_id = p_schedule;
    IF v_sold_out = (v_said IS NOT NULL) THEN
        RETURN false;
    END IF;
    UPDATE concert_schedule d SET sold_out_at = CASE WHEN v_sold_out THEN clock_timestamp() END
    WHERE d.concert_schedule_id = p_schedule;
    IF v_sold_out THEN
        PERFORM announce_schedule('schedule.sold_out', p_schedule);
    END IF;
    RETURN v_sold_out;
END $$;
