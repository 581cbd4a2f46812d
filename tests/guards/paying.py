"""Guards of paying."""

from tests.guards import Guard

_LOCKS = "tests/integration/test_sale_locks.py::test_"
_MONEY = "tests/integration/test_money_moments.py::test_"
_WALLS = "tests/integration/test_sale_walls.py::test_"
_CONDITIONS = "tests/integration/test_sale_conditions.py::test_"
_HOLDS = "tests/integration/test_booking_holds.py::test_"
_PAYMENTS = "tests/integration/test_booking_payments.py::test_"
_KEYS = "tests/integration/test_booking_idempotency.py::test_"
_COMPLETIONS = "tests/integration/test_booking_completions.py::test_"
_MAP = "tests/integration/test_booking_seat_map.py::test_"
_PAY = "booking_api/functions/pay_bookings.sql"
_CHANGED = "changed_xid = pg_current_xact_id()"

GUARDS: tuple[Guard, ...] = (
    Guard(
        name="pay: answers a known key with its first answer",
        where=_PAY,
        text="    ELSIF outcome IS NOT NULL THEN\n        RETURN;\n",
        without="",
        invariant="B8",
        test=_KEYS + "the_same_key_and_body_get_the_first_answer_again",
    ),
    Guard(
        name="pay: only one's own bookings",
        where=_PAY,
        text="WHERE b.concert_booking_id = ANY (p_bookings) AND b.user_id = v_user;",
        without="WHERE b.concert_booking_id = ANY (p_bookings);",
        invariant="X1",
        test=_HOLDS + "a_booking_of_somebody_else_is_not_found",
    ),
    Guard(
        name="pay: the token's room is the bookings'",
        where=_PAY,
        text="    IF v_foreign THEN",
        without="    IF false THEN",
        invariant="X1",
        test=_PAYMENTS + "a_booking_of_another_room_needs_that_rooms_token",
    ),
    Guard(
        name="pay: all or none",
        where=_PAY,
        text="coalesce(cardinality(v_seats), 0) < cardinality(p_bookings)",
        without="v_seats IS NULL",
        invariant="B13",
        test=_CONDITIONS + "a_payment_with_somebody_elses_booking_pays_nothing",
    ),
    Guard(
        name="pay: a look before it waits",
        where=_PAY,
        text="FROM payable(p_bookings, clock_timestamp()) p;",
        without="FROM payable(p_bookings, clock_timestamp()) p WHERE false;",
        invariant="B13",
        test=_LOCKS + "who_comes_visibly_too_late_waits_for_nobody",
    ),
    Guard(
        name="pay: seat lock, first",
        where=_PAY,
        text="ORDER BY s.concert_seat_id FOR NO KEY UPDATE;",
        without="ORDER BY s.concert_seat_id;",
        invariant="B4",
        test=_LOCKS + "a_payment_locks_its_seats_in_their_order_before_all_else",
    ),
    Guard(
        name="pay: seats are locked in their order",
        where=_PAY,
        text="ORDER BY s.concert_seat_id FOR NO KEY UPDATE;",
        without="ORDER BY s.concert_seat_id DESC FOR NO KEY UPDATE;",
        invariant="B13",
        test=_LOCKS + "a_payment_locks_its_seats_in_their_order_before_all_else",
    ),
    Guard(
        name="pay: user lock",
        where=_PAY,
        text="WHERE u.user_id = v_user FOR NO KEY UPDATE;",
        without="WHERE u.user_id = v_user;",
        invariant="B6",
        test=_MONEY + "a_payment_goes_on_from_the_balance_that_it_waited_for",
    ),
    Guard(
        name="pay: clock read after the locks",
        where=_PAY,
        text="    v_now := clock_timestamp();",
        without="    v_now := statement_timestamp();",
        invariant="B4",
        test=_WALLS + "a_payment_that_waited_past_the_deadline_is_too_late",
    ),
    Guard(
        name="pay: judgement under the locks",
        where=_PAY,
        text="FROM payable(p_bookings, v_now) p;\n    IF outcome IS NOT NULL THEN",
        without="FROM payable(p_bookings, v_now) p;\n    IF false THEN",
        invariant="B4",
        test=_WALLS + "a_payment_that_waited_past_the_deadline_is_too_late",
    ),
    Guard(
        name="pay: not past the deadline",
        where=_PAY,
        text="OR (b.status = 'PENDING' AND b.expiration_at <= p_now)),",
        without="),",
        invariant="B4",
        test=_PAYMENTS + "a_booking_past_its_deadline_is_gone",
    ),
    Guard(
        name="pay: what ended by itself is 410 for good",
        where=_PAY,
        text="WHERE b.canceled_reason = 'expired'\n                  OR (",
        without="WHERE (",
        invariant="B5",
        test=_PAYMENTS + "it_is_gone_also_after_the_sweep_and_after_somebody_else_took_the_seat",
    ),
    Guard(
        name="pay: not what is paid",
        where=_PAY,
        text="b.status = 'CONFIRMED' OR b.canceled_reason <> 'expired'",
        without="b.canceled_reason <> 'expired'",
        invariant="B3",
        test=_PAYMENTS + "what_its_owner_canceled_or_paid_is_not_payable",
    ),
    Guard(
        name="pay: not what its owner canceled",
        where=_PAY,
        text="b.status = 'CONFIRMED' OR b.canceled_reason <> 'expired'",
        without="b.status = 'CONFIRMED'",
        invariant="B5",
        test=_PAYMENTS + "what_its_owner_canceled_or_paid_is_not_payable",
    ),
    Guard(
        name="pay: balance",
        where=_PAY,
        text="ELSIF v_balance < v_total THEN",
        without="ELSIF false THEN",
        invariant="B6",
        test=_PAYMENTS + "a_payment_beyond_the_balance_says_what_is_short_and_pays_nothing",
    ),
    Guard(
        name="pay: the price at hold time",
        where=_PAY,
        text="b.token_value, b.price\n",
        without="b.token_value, (SELECT s.price FROM concert_seat s"
        " WHERE s.concert_seat_id = b.concert_seat_id)\n",
        invariant="B3",
        test=_CONDITIONS + "a_booking_costs_what_its_seat_cost_when_it_was_held",
    ),
    Guard(
        name="pay: ledger in the same transaction",
        where=_PAY,
        text="FROM due d ORDER BY d.payment_id\n    )",
        without="FROM due d WHERE false ORDER BY d.payment_id\n    )",
        invariant="B6",
        test=_PAYMENTS + "the_ledger_adds_up_movement_by_movement",
    ),
    Guard(
        name="pay: sold seats are changes of the map",
        where=_PAY,
        text=f"held_until = NULL, {_CHANGED},",
        without="held_until = NULL,",
        invariant="B12",
        test=_MAP + "changes_since_a_version_are_those_seats_alone",
    ),
    Guard(
        name="pay: completion in the same transaction",
        where=_PAY,
        text="FROM visit v JOIN owner o ON o.user_id = v.user_id\n",
        without="FROM visit v JOIN owner o ON o.user_id = v.user_id WHERE false\n",
        invariant="B13",
        test=_COMPLETIONS
        + "a_payment_goes_through_without_redis_and_the_token_ends_when_it_is_back",
    ),
    Guard(
        name="pay: a token may be completed twice",
        where=_PAY,
        text="        ON CONFLICT (token_value) DO NOTHING\n",
        without="",
        invariant="B13",
        test=_CONDITIONS + "a_token_may_be_completed_twice",
    ),
    Guard(
        name="pay: other holds keep the token",
        where=_PAY,
        text="WHERE NOT EXISTS (\n            SELECT FROM mine m",
        without="WHERE true OR NOT EXISTS (\n            SELECT FROM mine m",
        invariant="A6",
        test=_COMPLETIONS + "other_holds_of_the_room_keep_the_token",
    ),
    Guard(
        name="pay: ended holds do not keep the token",
        where=_PAY,
        text="AND m.expiration_at > p_now AND m.concert",
        without="AND m.concert",
        invariant="A6",
        test=_COMPLETIONS + "other_holds_of_the_room_keep_the_token",
    ),
    Guard(
        name="pay: holds in other rooms do not keep the token",
        where=_PAY,
        text="AND m.room_id = c.room_id AND m.status",
        without="AND m.status",
        invariant="A6",
        test=_CONDITIONS + "holds_in_another_room_do_not_keep_the_token",
    ),
    Guard(
        name="pay: the answer is kept with its effect",
        where=_PAY,
        text="    PERFORM end_once(v_user, p_path, p_key, p_fingerprint, body);\n",
        without="",
        invariant="B8",
        test=_KEYS + "the_same_key_and_body_get_the_first_answer_again",
    ),
)
