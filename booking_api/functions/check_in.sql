/*
check_in -- let in who shows a ticket: each ticket once, the first that is written down wins.
One item for each code that was read, in order: p_bookings, p_schedules and p_seats as the codes say,
p_used_at when a device that was offline let its holder in (null: now), p_gates where. p_date: only
tickets of this date (null: of any).
Lock order: seats by id. Whether a booking is CONFIRMED is judged under its seat's lock, so that no
ticket is used and refunded at once. The clock is read after the locks.
Returns outcome and body for each item, in order:
    admitted            {"concert_booking_id", "concert_schedule_id", "seat_number", "used_at",
                        "gate"}; again for a device that repeats what it said
    ticket_used         {"used_at", "gate"} of the first time
    ticket_void         canceled, or its date is
    ticket_other_date   {"concert_schedule_id", "schedule_date"}; nothing is written
    not_found           no such booking, or the code is of another sale
Keeps T1; checkin_once is the second wall.
*/
CREATE OR REPLACE FUNCTION check_in(
    p_bookings bigint[], p_schedules bigint[], p_seats text[], p_used_at timestamptz[],
    p_gates text[], p_operator text, p_date bigint
) RETURNS TABLE (outcome text, body jsonb)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    v_now timestamptz;
    v_fresh bigint[];  -- bookings let in by this call
BEGIN
    PERFORM FROM concert_seat s
    WHERE s.concert_seat_id = ANY (ARRAY(
        SELECT b.concert_seat_id FROM concert_booking b
        WHERE b.concert_booking_id = ANY (p_bookings)))
    ORDER BY s.concert_seat_id FOR NO KEY UPDATE;
    v_now := date_trunc('milliseconds', clock_timestamp());

    WITH wanted AS (
        SELECT DISTINCT ON (n.booking) n.booking, coalesce(n.used_at, v_now) AS used_at, n.gate
        FROM unnest(p_bookings, p_schedules, p_seats, p_used_at, p_gates)
            WITH ORDINALITY AS n (booking, schedule, seat, used_at, gate, place)
        JOIN concert_booking b ON b.concert_booking_id = n.booking
        JOIN concert_seat s ON s.concert_seat_id = b.concert_seat_id
        JOIN concert_schedule d ON d.concert_schedule_id = b.concert_schedule_id
        WHERE b.concert_schedule_id = n.schedule AND s.seat_number = n.seat
          AND b.status = 'CONFIRMED' AND d.state <> 'canceled'
          AND (p_date IS NULL OR b.concert_schedule_id = p_date)
        ORDER BY n.booking, n.place
    ), written AS (
        INSERT INTO checkin AS k (concert_booking_id, operator, gate, used_at, created_at)
        SELECT w.booking, p_operator, w.gate, w.used_at, v_now FROM wanted w
        ON CONFLICT (concert_booking_id) DO NOTHING
        RETURNING k.concert_booking_id
    )
    SELECT array_agg(w.concert_booking_id) INTO v_fresh FROM written w;

    RETURN QUERY
    SELECT o.outcome, CASE o.outcome
        WHEN 'admitted' THEN jsonb_build_object(
            'concert_booking_id', n.booking, 'concert_schedule_id', n.schedule,
            'seat_number', n.seat, 'used_at', utc_text(k.used_at), 'gate', k.gate)
        WHEN 'ticket_used' THEN jsonb_build_object('used_at', utc_text(k.used_at), 'gate', k.gate)
        WHEN 'ticket_other_date' THEN jsonb_build_object(
            'concert_schedule_id', d.concert_schedule_id,
            'schedule_date', utc_text(d.schedule_date)) END
    FROM unnest(p_bookings, p_schedules, p_seats, p_used_at, p_gates)
        WITH ORDINALITY AS n (booking, schedule, seat, used_at, gate, place)
    LEFT JOIN concert_booking b ON b.concert_booking_id = n.booking
    LEFT JOIN concert_seat s ON s.concert_seat_id = b.concert_seat_id
    LEFT JOIN concert_schedule d ON d.concert_schedule_id = b.concert_schedule_id
    LEFT JOIN checkin k ON k.concert_booking_id = n.booking
    CROSS JOIN LATERAL (SELECT CASE
        WHEN b.concert_schedule_id IS DISTINCT FROM n.schedule
            OR s.seat_number IS DISTINCT FROM n.seat THEN 'not_found'
        WHEN p_date <> b.concert_schedule_id THEN 'ticket_other_date'
        WHEN b.status <> 'CONFIRMED' OR d.state = 'canceled' THEN 'ticket_void'
        WHEN n.place = array_position(p_bookings, n.booking) AND n.booking = ANY (v_fresh)
            OR (k.operator, k.gate, k.used_at) = (p_operator, n.gate, n.used_at) THEN 'admitted'
        ELSE 'ticket_used' END AS outcome) o
    ORDER BY n.place;
END $$;
