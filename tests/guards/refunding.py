"""Guards of giving money back."""

from tests.guards import Guard
from tests.guards.rows import rows

_REFUNDS = "tests/integration/test_booking_refunds.py::test_"
_MOMENTS = "tests/integration/test_money_moments.py::test_"
_FUNCTIONS = "booking_api/functions/"

GUARDS: tuple[Guard, ...] = (
    *rows(
        _FUNCTIONS + "give_back.sql",
        (
            "give back: user lock",
            "B6",
            "ORDER BY u.user_id FOR NO KEY UPDATE;",
            "ORDER BY u.user_id;",
            _MOMENTS + "a_refund_goes_on_from_the_balance_that_it_waited_for",
        ),
        (
            "give back: users are locked in their order",
            "B13",
            "ORDER BY u.user_id FOR NO KEY UPDATE;",
            "ORDER BY u.user_id DESC FOR NO KEY UPDATE;",
            _MOMENTS + "a_batch_locks_seats_then_counters_then_users_each_in_their_order",
        ),
        (
            "give back: each balance goes on by itself",
            "B6",
            "OVER (PARTITION BY b.user_id ORDER BY p.payment_id)",
            "OVER (ORDER BY p.payment_id)",
            _REFUNDS + "a_batch_is_canceled_at_an_operators_wish_and_may_come_again",
        ),
        (
            "give back: ledger in the same transaction",
            "B6",
            "FROM due d ORDER BY d.payment_id\n",
            "FROM due d WHERE false ORDER BY d.payment_id\n",
            _REFUNDS + "a_canceled_seat_is_paid_back_and_for_sale_again",
        ),
        (
            "give back: the payment counts its refunds",
            "B7",
            "SET refunded_amount = p.refunded_amount + d.amount,",
            "SET refunded_amount = p.refunded_amount,",
            _REFUNDS + "an_operator_gives_back_parts_and_the_last_of_them_cancels",
        ),
        (
            "give back: the balance gets the money",
            "B6",
            "SET balance = u.balance + o.total,",
            "SET balance = u.balance,",
            _REFUNDS + "a_canceled_seat_is_paid_back_and_for_sale_again",
        ),
        (
            "refund: what the concert refunds",
            "B6",
            "WHEN c.refund_percent > 0",
            "WHEN true",
            _REFUNDS + "a_concert_that_refunds_nothing_keeps_its_seats_sold",
        ),
        (
            "refund: until the deadline, or the date",
            "B6",
            "AND p_now < coalesce(d.refund_until, d.schedule_date)\n",
            "\n",
            _REFUNDS + "past_the_deadline_nothing_is_given_back",
        ),
        (
            "refund: the deadline goes before the date",
            "B6",
            "coalesce(d.refund_until, d.schedule_date)",
            "d.schedule_date",
            _REFUNDS + "a_deadline_may_be_later_than_the_date",
        ),
        (
            "refund: not of a used ticket",
            "B4",
            "WHERE k.concert_booking_id = b.concert_booking_id)",
            "WHERE false)",
            (
                _REFUNDS + "a_used_ticket_is_not_given_back",
                _MOMENTS + "a_cancel_that_waited_for_the_gate_finds_the_ticket_used",
            ),
        ),
        (
            "refund: rounded down",
            "B7",
            "THEN least(trunc(p.payment_amount",
            "THEN least(round(p.payment_amount",
            _REFUNDS + "a_refund_is_rounded_down_to_the_minor_unit",
        ),
        (
            "refund: to the minor unit of the currency",
            "B7",
            "c.refund_percent / 100, p_digits),",
            "c.refund_percent / 100, 2),",
            _REFUNDS + "a_currency_without_minor_units_is_given_back_in_whole_ones",
        ),
        (
            "refund: an owner gets no more than is left",
            "B7",
            "THEN least(trunc(p.payment_amount * c.refund_percent / 100, p_digits),",
            "THEN greatest(trunc(p.payment_amount * c.refund_percent / 100, p_digits),",
            _REFUNDS + "an_owner_gets_no_more_than_is_left_after_an_operators_refund",
        ),
        (
            "refund: everything of a date that is canceled",
            "B6",
            "WHEN d.state = 'canceled' THEN",
            "WHEN false THEN",
            _REFUNDS + "a_date_that_is_canceled_gives_everything_back",
        ),
    ),
    *rows(
        _FUNCTIONS + "refund_booking.sql",
        (
            "refund: only one's own booking",
            "X1",
            "OR u.external_id = p_visitor);",
            "OR true);",
            _REFUNDS + "only_the_owner_cancels_and_unknown_bookings_are_not_there",
        ),
        (
            "refund: answers a known key with its first answer",
            "B8",
            "    IF outcome IS NOT NULL THEN\n        RETURN;\n    END IF;\n\n    PERFORM",
            "    PERFORM",
            _REFUNDS + "a_refund_by_post_says_what_was_given_back_and_needs_no_place",
        ),
        (
            "refund: an operator's keys are their own",
            "B8",
            "concat_ws(' ', p_operator, p_key)",
            "p_key",
            _REFUNDS + "each_operators_keys_are_their_own",
        ),
        (
            "refund: seat lock, first",
            "B2",
            "\n    FOR NO KEY UPDATE;",
            ";",
            (
                _MOMENTS + "a_refund_locks_its_seat_before_all_else",
                _MOMENTS + "a_refund_that_waited_for_the_cancel_finds_it_done",
            ),
        ),
        (
            "refund: clock read after the lock",
            "B4",
            "    v_now := clock_timestamp();",
            "    v_now := statement_timestamp();",
            _MOMENTS + "a_refund_that_waited_past_the_deadline_is_too_late[post]",
        ),
        (
            "refund: only what is paid",
            "B2",
            "IF v_booking.status <> 'CONFIRMED' OR v_amount > v_left",
            "IF v_amount > v_left",
            _REFUNDS + "a_hold_has_nothing_to_give_back",
        ),
        (
            "refund: no more than is left",
            "B7",
            " OR v_amount > v_left\n",
            "\n",
            _REFUNDS + "an_operator_gives_back_parts_and_the_last_of_them_cancels",
        ),
        (
            "refund: nothing is no part of what is left",
            "B7",
            "OR (p_operator IS NOT NULL AND v_amount = 0 AND v_left > 0)",
            "",
            _REFUNDS + "an_operator_gives_back_parts_and_the_last_of_them_cancels",
        ),
        (
            "refund: all that is left cancels",
            "B2",
            "IF p_operator IS NULL OR v_amount = v_left THEN",
            "IF p_operator IS NULL THEN",
            _REFUNDS + "an_operator_gives_back_parts_and_the_last_of_them_cancels",
        ),
        (
            "refund: an operator's is in the audit",
            "X2",
            "    IF p_operator IS NOT NULL THEN\n        PERFORM audit_done",
            "    IF false THEN\n        PERFORM audit_done",
            _REFUNDS + "an_operators_refund_is_in_the_audit_with_its_reason",
        ),
        (
            "refund: the answer is kept with its effect",
            "B8",
            "    PERFORM end_once(v_booking.user_id, p_path, v_key, p_fingerprint, body);\n",
            "",
            _REFUNDS + "a_refund_by_post_says_what_was_given_back_and_needs_no_place",
        ),
    ),
    *rows(
        _FUNCTIONS + "cancel_bookings.sql",
        (
            "batch: seats are locked first, in their order",
            "B13",
            "ORDER BY s.concert_seat_id FOR NO KEY UPDATE;",
            "ORDER BY s.concert_seat_id DESC FOR NO KEY UPDATE;",
            _MOMENTS + "a_batch_locks_seats_then_counters_then_users_each_in_their_order",
        ),
        (
            "batch: counters of holds and paid seats are locked together",
            "B13",
            "ORDER BY c.user_id, c.concert_schedule_id FOR NO KEY UPDATE;",
            "ORDER BY c.user_id DESC, c.concert_schedule_id FOR NO KEY UPDATE;",
            _MOMENTS + "a_batch_locks_seats_then_counters_then_users_each_in_their_order",
        ),
        (
            "batch: what was canceled stays as it is",
            "B5",
            "WHERE b.concert_booking_id = ANY (p_bookings) AND b.status <> 'CANCELED';",
            "WHERE b.concert_booking_id = ANY (p_bookings);",
            _REFUNDS + "a_batch_is_canceled_at_an_operators_wish_and_may_come_again",
        ),
        (
            "batch: rounded down",
            "B7",
            "array_agg(least(trunc(p.payment_amount",
            "array_agg(least(round(p.payment_amount",
            _REFUNDS + "a_batch_is_canceled_at_an_operators_wish_and_may_come_again",
        ),
        (
            "batch: no more than is left",
            "B7",
            (
                "array_agg(least(trunc(p.payment_amount * p_percent / 100, p_digits),\n"
                "                           p.payment_amount - p.refunded_amount)"
            ),
            "array_agg(trunc(p.payment_amount * p_percent / 100, p_digits)",
            _REFUNDS + "a_batch_is_canceled_at_an_operators_wish_and_may_come_again",
        ),
    ),
    *rows(
        _FUNCTIONS + "pay_bookings.sql",
        (
            "pay: nothing of a date that is canceled",
            "B5",
            "\n                  OR (b.status = 'PENDING' AND d.state = 'canceled')",
            "",
            _REFUNDS + "a_date_that_is_canceled_gives_everything_back",
        ),
        (
            "pay: what was refunded is not payable",
            "B5",
            "OR b.canceled_reason <> 'expired'",
            "OR b.canceled_reason = 'owner'",
            _REFUNDS + "what_was_refunded_is_not_payable",
        ),
    ),
    *rows(
        "booking_api/refunds.py",
        (
            "refund: an owner names no amount",
            "B6",
            "    convert(body, CancellationRequest)\n",
            "",
            _REFUNDS + "a_body_that_asks_for_an_amount_is_not_the_owners",
        ),
    ),
)
