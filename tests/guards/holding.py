"""Guards of holding seats."""

from tests.guards import Guard

_LOCKS = "tests/integration/test_sale_locks.py::test_"
_WALLS = "tests/integration/test_sale_walls.py::test_"
_CONDITIONS = "tests/integration/test_sale_conditions.py::test_"
_EXPIRY = "tests/integration/test_booking_expiry.py::test_"
_TERMS = "tests/integration/test_holds_terms.py::test_"
_KEYS = "tests/integration/test_booking_idempotency.py::test_"
_MAP = "tests/integration/test_booking_seat_map.py::test_"
_HOLD = "booking_api/functions/hold_seats.sql"
_CHANGED = "changed_xid = pg_current_xact_id()"
_STOPPED = (
    "    ELSIF v_state <> 'on_sale' THEN\n        outcome := 'sale_stopped';\n        RETURN;\n"
)

GUARDS: tuple[Guard, ...] = (
    Guard(
        name="hold: answers a known key with its first answer",
        where=_HOLD,
        text="    IF outcome IS NOT NULL THEN\n        RETURN;\n    END IF;\n\n"
        "    SELECT c.room_id",
        without="    SELECT c.room_id",
        invariant="B8",
        test=_KEYS + "the_same_key_and_body_get_the_first_answer_again",
    ),
    Guard(
        name="hold: the token's room guards the concert",
        where=_HOLD,
        text="ELSIF v_room <> p_room THEN",
        without="ELSIF false THEN",
        invariant="B11",
        test=_WALLS + "the_room_of_a_date_is_compared_in_the_database_too",
    ),
    Guard(
        name="hold: every seat asked for is there",
        where=_HOLD,
        text="IF coalesce(cardinality(v_wanted), 0) < v_count THEN",
        without="IF v_wanted IS NULL THEN",
        invariant="B13",
        test=_CONDITIONS + "seats_that_are_not_there_keep_the_others_free",
    ),
    Guard(
        name="hold: a look before it waits, at the seats",
        where=_HOLD,
        text="\n        ELSIF v_taken IS NOT NULL THEN",
        without="\n        ELSIF false THEN",
        invariant="B13",
        test=_LOCKS + "who_comes_visibly_too_late_waits_for_nobody",
    ),
    Guard(
        name="hold: own holds past their deadline and the counter are looked at together",
        where=_HOLD,
        text="coalesce((SELECT c.live_seats FROM user_schedule c",
        without="coalesce(v_live, (SELECT c.live_seats FROM user_schedule c",
        invariant="B10",
        test=_WALLS + "what_others_take_over_between_two_looks_counts_against_nobody",
    ),
    Guard(
        name="hold: a look before it waits, at the limit",
        where=_HOLD,
        text="expiration_at <= clock_timestamp();\n        IF v_live + v_count > v_limit THEN",
        without="expiration_at <= clock_timestamp();\n        IF false THEN",
        invariant="B10",
        test=_LOCKS + "who_is_over_the_limit_waits_for_nobody",
    ),
    Guard(
        name="hold: one's own ended holds make room",
        where=_HOLD,
        text="IF v_live + v_count > v_limit THEN\n        -- The counter",
        without="IF false THEN\n        -- The counter",
        invariant="B10",
        test=_EXPIRY + "ones_own_expired_holds_of_the_date_do_not_count",
    ),
    Guard(
        name="hold: seat lock",
        where=_HOLD,
        text="ORDER BY s.concert_seat_id FOR NO KEY UPDATE;",
        without="ORDER BY s.concert_seat_id;",
        invariant="B1",
        test=(
            _WALLS + "the_seats_lock_alone_lets_one_of_two_through",
            _WALLS + "a_hold_that_waited_for_the_same_seat_finds_it_taken",
        ),
    ),
    Guard(
        name="hold: seats are locked in their order",
        where=_HOLD,
        text="ORDER BY s.concert_seat_id FOR NO KEY UPDATE;",
        without="ORDER BY s.concert_seat_id DESC FOR NO KEY UPDATE;",
        invariant="B13",
        test=_LOCKS + "a_hold_locks_its_seats_in_their_order",
    ),
    Guard(
        name="hold: clock read after the locks",
        where=_HOLD,
        text="    v_now := clock_timestamp();",
        without="    v_now := statement_timestamp();",
        invariant="B4",
        test=_WALLS + "a_holds_time_begins_when_its_seats_are_locked",
    ),
    Guard(
        name="hold: judgement of the locked seats",
        where=_HOLD,
        text="\n    ELSIF v_taken IS NOT NULL THEN",
        without="\n    ELSIF false THEN",
        invariant="B1",
        test=_WALLS + "the_seats_lock_alone_lets_one_of_two_through",
    ),
    Guard(
        name="hold: a seat is taken only until held_until",
        where=_HOLD,
        text="AND (s.status = 'SOLD' OR (s.status = 'RESERVED' AND s.held_until > v_now))",
        without="AND s.status <> 'AVAILABLE'",
        invariant="B9",
        test=_EXPIRY + "somebody_else_takes_an_expired_hold_over_at_once",
    ),
    Guard(
        name="hold: take-over is judged by the seat row",
        where=_HOLD,
        text="WHERE s.status = 'RESERVED' AND s.held_until <= v_now)",
        without="WHERE s.status = 'RESERVED')",
        invariant="B5",
        test=_WALLS + "ones_own_ended_hold_that_somebody_takes_over_meanwhile_is_theirs",
    ),
    Guard(
        name="hold: counters are locked before they are written",
        where=_HOLD,
        text="ORDER BY c.user_id FOR NO KEY UPDATE;",
        without="LIMIT 0;",
        invariant="B10",
        test=_LOCKS + "two_who_take_each_others_ended_holds_over_do_not_deadlock",
    ),
    Guard(
        name="hold: counters are locked in their order",
        where=_HOLD,
        text="ORDER BY c.user_id FOR NO KEY UPDATE;",
        without="ORDER BY c.user_id DESC FOR NO KEY UPDATE;",
        invariant="B10",
        test=_LOCKS + "counters_are_locked_in_the_order_of_their_visitors[hold]",
    ),
    Guard(
        name="hold: conditional counter",
        where=_HOLD,
        text="    WHERE c.live_seats + v_count <= v_limit;",
        without="    ;",
        invariant="B10",
        test=_WALLS + "the_counters_condition_alone_keeps_the_limit",
    ),
    Guard(
        name="hold: one's own ended holds are off the counter",
        where=_HOLD,
        text="SELECT c.live_seats - (SELECT",
        without="SELECT c.live_seats - 0 * (SELECT",
        invariant="B10",
        test=_EXPIRY + "ones_own_expired_holds_of_the_date_do_not_count",
    ),
    Guard(
        name="hold: a take-over is judged under the counters' locks",
        where=_HOLD,
        text="c.concert_schedule_id = p_schedule;\n        IF v_live + v_count > v_limit THEN",
        without="c.concert_schedule_id = p_schedule;\n        IF false THEN",
        invariant="B13",
        test=_WALLS + "a_take_over_that_comes_to_nothing_changes_nothing",
    ),
    Guard(
        name="hold: what it takes over is let go",
        where=_HOLD,
        text="        PERFORM let_go(v_stale, 'expired', v_now);\n",
        without="",
        invariant="B1",
        test=_EXPIRY + "somebody_else_takes_an_expired_hold_over_at_once",
    ),
    Guard(
        name="hold: not while the sale is stopped",
        where=_HOLD,
        text=f"{_STOPPED}    ELSIF v_churn",
        without="    ELSIF v_churn",
        invariant="B13",
        test=_TERMS + "a_look_at_a_stopped_date_waits_for_nobody",
    ),
    Guard(
        name="hold: not when the sale was stopped meanwhile",
        where=_HOLD,
        text=f"{_STOPPED}    END IF;",
        without="    END IF;",
        invariant="B13",
        test=_TERMS + "a_hold_that_waited_until_the_sale_was_stopped_is_refused",
    ),
    Guard(
        name="hold: not who lets too many seats go",
        where=_HOLD,
        text="    ELSIF v_churn > 0 AND v_let_go > v_churn - 1 THEN",
        without="    ELSIF false THEN",
        invariant="S3",
        test=_TERMS + "who_lets_too_many_seats_go_has_to_wait",
    ),
    Guard(
        name="hold: held seats are changes of the map",
        where=_HOLD,
        text=f"held_until = v_until,\n            {_CHANGED},",
        without="held_until = v_until,",
        invariant="B12",
        test=_MAP + "changes_since_a_version_are_those_seats_alone",
    ),
    Guard(
        name="hold: the answer is kept with its effect",
        where=_HOLD,
        text="    PERFORM end_once(v_user, p_path, p_key, p_fingerprint, body);\n",
        without="",
        invariant="B8",
        test=_KEYS + "the_same_key_and_body_get_the_first_answer_again",
    ),
)
