/*
let_go_now -- what is in a visitor's bucket of seats let go at p_now: it leaks p_max in an hour. A
date without a limit (0) keeps none.
*/
CREATE OR REPLACE FUNCTION let_go_now(c user_schedule, p_max integer, p_now timestamptz)
RETURNS numeric LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN p_max = 0 THEN 0 ELSE greatest(
        0, c.let_go - greatest(0, extract(epoch FROM p_now - c.let_go_at)) * p_max / 3600) END
$$;

/*
let_go -- end live bookings and free their seats. The caller holds the locks of the seats and has
judged that the bookings may end; p_reason is what they then say, unless a hold had passed its
deadline: that one had ended by itself, and paying it stays 410.
Lock order: counters by user_id and date, then bookings and seats, which the seat locks guard.
Holds that their visitors did not buy count in the bucket of seats let go, which leaks
max_let_go_per_hour in an hour; an offer of the waiting list that was not taken is over.
Keeps B2, B5, B10.
*/
CREATE OR REPLACE FUNCTION let_go(p_bookings bigint[], p_reason text, p_now timestamptz) RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
    PERFORM FROM user_schedule c
    WHERE (c.user_id, c.concert_schedule_id) IN (
        SELECT b.user_id, b.concert_schedule_id FROM concert_booking b
        WHERE b.concert_booking_id = ANY (p_bookings))
    ORDER BY c.user_id, c.concert_schedule_id FOR NO KEY UPDATE;
    UPDATE user_schedule c
    SET live_seats = c.live_seats - o.seats,
        let_go = let_go_now(c, d.max_let_go_per_hour, p_now)
                 + CASE WHEN p_reason IN ('owner', 'expired') THEN o.held ELSE 0 END,
        let_go_at = greatest(c.let_go_at, p_now)
    FROM (SELECT b.user_id, b.concert_schedule_id, count(*) AS seats,
                 count(*) FILTER (WHERE b.status = 'PENDING') AS held
          FROM concert_booking b WHERE b.concert_booking_id = ANY (p_bookings)
          GROUP BY b.user_id, b.concert_schedule_id) o
    JOIN concert_schedule d USING (concert_schedule_id)
    WHERE c.user_id = o.user_id AND c.concert_schedule_id = o.concert_schedule_id;
    UPDATE waitlist w SET status = 'ENDED', reason = 'lapsed', updated_at = p_now
    WHERE w.concert_booking_id = ANY (p_bookings) AND w.status = 'OFFERED';
    UPDATE concert_seat s
    SET status = 'AVAILABLE', concert_booking_id = NULL, held_until = NULL,
        changed_xid = pg_current_xact_id(), updated_at = p_now
    FROM concert_booking b
    WHERE b.concert_booking_id = ANY (p_bookings) AND s.concert_seat_id = b.concert_seat_id;
    UPDATE concert_booking b
    SET status = 'CANCELED', updated_at = p_now,
        canceled_reason = CASE WHEN b.status = 'PENDING' AND b.expiration_at <= p_now THEN 'expired'
                               ELSE p_reason END
    WHERE b.concert_booking_id = ANY (p_bookings);
END $$;
