/*
change_limit -- allow one visitor another number of seats of a date than its max_seats_per_user; null:
the same as everybody. A lower one takes nothing from anybody.
Lock order: the visitor's counter.
Returns outcome: changed; not_found.
Keeps B10: the counter's own CHECK holds from the next seat on.
*/
CREATE OR REPLACE FUNCTION change_limit(
    p_schedule bigint, p_visitor text, p_limit integer, p_operator text,
    OUT outcome text, OUT body jsonb
) LANGUAGE plpgsql AS $$
DECLARE
    v_room text;
    v_common integer;
    v_user bigint;
    v_was integer;
BEGIN
    SELECT c.room_id, d.max_seats_per_user INTO v_room, v_common
    FROM concert_schedule d JOIN concert c USING (concert_id)
    WHERE d.concert_schedule_id = p_schedule;
    IF NOT FOUND THEN
        outcome := 'not_found';
        RETURN;
    END IF;
    v_user := (ensure_user(p_visitor)).user_id;
    SELECT c.own_limit INTO v_was FROM user_schedule c
    WHERE c.user_id = v_user AND c.concert_schedule_id = p_schedule FOR NO KEY UPDATE;
    INSERT INTO user_schedule AS c (user_id, concert_schedule_id, live_seats, seat_limit, own_limit,
                                    limited_at)
    VALUES (v_user, p_schedule, 0, coalesce(p_limit, v_common), p_limit, clock_timestamp())
    ON CONFLICT (user_id, concert_schedule_id) DO UPDATE
    SET own_limit = p_limit, limited_at = clock_timestamp(),
        seat_limit = greatest(c.live_seats, coalesce(p_limit, v_common));
    PERFORM audit_done(
        p_operator, 'limit.change', v_room, p_schedule::text,
        jsonb_build_object('visitor', p_visitor, 'own_limit', p_limit,
                           'was', jsonb_build_object('own_limit', v_was)));
    outcome := 'changed';
END $$;
