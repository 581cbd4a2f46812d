/*
extend_hold -- give one hold more time to be paid, once.
Lock order: key, seat. The clock is read after the locks.
Returns outcome and body:
    extended, replayed      the answer of the POST: the booking
    not_found               no such booking, or somebody else's
    foreign                 the token is of another room than the booking
    booking_expired         {"bookings": [id]}: it ended by itself, also after somebody took the seat
    not_extendable          paid, canceled, extended before, or the date's hold_extension_s is 0
    sale_stopped            the date is stopped or canceled; whether it might be extended is not asked
    idempotency_key_reused, request_in_progress
Keeps B2: the seat and its booking have one deadline; B4: it moves only while it is not past; B8.
*/
CREATE OR REPLACE FUNCTION extend_hold(
    p_visitor text, p_room text, p_booking bigint,
    p_path text, p_key text, p_fingerprint bytea, p_currency text, p_digits integer,
    OUT outcome text, OUT body jsonb
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    v_user bigint;
    v_booking concert_booking;
    v_extension_s integer;
    v_state text;
    v_now timestamptz;
    v_until timestamptz;
BEGIN
    SELECT o.user_id, o.outcome, o.body INTO v_user, outcome, body
    FROM begin_once(p_visitor, p_path, p_key, p_fingerprint) o;
    SELECT b.* INTO v_booking FROM concert_booking b
    WHERE b.concert_booking_id = p_booking AND b.user_id = v_user;
    IF NOT FOUND THEN
        outcome := coalesce(outcome, 'not_found');
        RETURN;
    ELSIF v_booking.room_id <> p_room THEN
        outcome := 'foreign';
        body := NULL;
        RETURN;
    ELSIF outcome IS NOT NULL THEN
        RETURN;
    END IF;

    PERFORM FROM concert_seat s WHERE s.concert_seat_id = v_booking.concert_seat_id
    FOR NO KEY UPDATE;
    v_now := clock_timestamp();
    SELECT b.* INTO v_booking FROM concert_booking b WHERE b.concert_booking_id = p_booking;
    SELECT d.state, d.hold_extension_s INTO v_state, v_extension_s
    FROM concert_schedule d WHERE d.concert_schedule_id = v_booking.concert_schedule_id;
    IF v_booking.canceled_reason = 'expired'
        OR (v_booking.status = 'PENDING' AND v_booking.expiration_at <= v_now) THEN
        outcome := 'booking_expired';
        body := jsonb_build_object('bookings', jsonb_build_array(p_booking));
        RETURN;
    ELSIF v_state <> 'on_sale' THEN
        outcome := 'sale_stopped';
        RETURN;
    ELSIF v_booking.status <> 'PENDING' OR v_booking.extended_at IS NOT NULL OR v_extension_s = 0 THEN
        outcome := 'not_extendable';
        RETURN;
    END IF;

    v_until := v_booking.expiration_at + v_extension_s * interval '1 second';
    UPDATE concert_booking b SET expiration_at = v_until, extended_at = v_now, updated_at = v_now
    WHERE b.concert_booking_id = p_booking;
    UPDATE concert_seat s
    SET held_until = v_until, changed_xid = pg_current_xact_id(), updated_at = v_now
    WHERE s.concert_seat_id = v_booking.concert_seat_id
    RETURNING hold_shown(p_booking, v_booking.concert_schedule_id, s.concert_seat_id, s.seat_number,
                         v_booking.price, v_until, v_booking.created_at, p_currency, p_digits)
    INTO body;
    outcome := 'extended';
    PERFORM end_once(v_user, p_path, p_key, p_fingerprint, body);
END $$;
