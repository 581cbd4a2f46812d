/*
lock_line -- until the transaction ends, nobody else joins a date's waiting list or offers its seats:
so places are numbered in the order in which they become visible, and offered in that order.
*/
CREATE OR REPLACE FUNCTION lock_line(p_schedule bigint) RETURNS void LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock(hashtextextended('onsale.waitlist.' || p_schedule, 0))
$$;

/*
waitlist_shown -- a place in a waiting list as the API shows it. An offer past its deadline has
lapsed before anybody writes that down.
*/
CREATE OR REPLACE FUNCTION waitlist_shown(p_entry bigint, p_currency text, p_digits integer)
RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (
        SELECT jsonb_build_object(
            'waitlist_id', w.waitlist_id,
            'concert_schedule_id', w.concert_schedule_id,
            'status', CASE WHEN l.lapsed THEN 'ENDED' ELSE w.status END,
            'reason', CASE WHEN l.lapsed THEN 'lapsed' ELSE w.reason END,
            'position', CASE WHEN w.status = 'WAITING' THEN (
                SELECT count(*) FROM waitlist o
                WHERE o.concert_schedule_id = w.concert_schedule_id AND o.status = 'WAITING'
                  AND o.waitlist_id <= w.waitlist_id) END,
            'booking', CASE WHEN b.concert_booking_id IS NOT NULL THEN jsonb_build_object(
                'concert_booking_id', b.concert_booking_id,
                'concert_schedule_id', b.concert_schedule_id,
                'concert_seat_id', b.concert_seat_id,
                'seat_number', s.seat_number,
                'price', money_text(b.price, p_digits),
                'currency', p_currency,
                'status', CASE WHEN l.lapsed THEN 'CANCELED' ELSE b.status END,
                'expiration_at', utc_text(b.expiration_at),
                'created_at', utc_text(b.created_at)) END,
            'created_at', utc_text(w.created_at))
        FROM waitlist w
        LEFT JOIN concert_booking b USING (concert_booking_id)
        LEFT JOIN concert_seat s ON s.concert_seat_id = b.concert_seat_id
        CROSS JOIN LATERAL (SELECT w.status = 'OFFERED' AND b.status = 'PENDING'
                                   AND b.expiration_at <= clock_timestamp() AS lapsed) l
        WHERE w.waitlist_id = p_entry);
END $$;
