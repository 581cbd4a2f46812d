"""Guards of the sale: holding, paying, ending, the keys and the books."""

from tests.guards import Guard, books, holding, paying

_LOCKS = "tests/integration/test_sale_locks.py::test_"
_WALLS = "tests/integration/test_sale_walls.py::test_"
_CONDITIONS = "tests/integration/test_sale_conditions.py::test_"
_HOLDS = "tests/integration/test_booking_holds.py::test_"
_PAYMENTS = "tests/integration/test_booking_payments.py::test_"
_EXPIRY = "tests/integration/test_booking_expiry.py::test_"
_TERMS = "tests/integration/test_holds_terms.py::test_"
_KEYS = "tests/integration/test_booking_idempotency.py::test_"
_ACCOUNTS = "tests/integration/test_booking_accounts.py::test_"
_CANCEL = "booking_api/functions/cancel_booking.sql"
_LET_GO = "booking_api/functions/let_go.sql"
_SWEEP = "booking_api/functions/sweep_expired.sql"
_CHARGE = "booking_api/functions/charge_balance.sql"
_ONCE = "booking_api/functions/idempotency.sql"
_CHANGED = "changed_xid = pg_current_xact_id()"

ENDING = (
    Guard(
        name="cancel: only one's own booking",
        where=_CANCEL,
        text=" AND u.external_id = p_visitor;",
        without=";",
        invariant="X1",
        test=_HOLDS + "a_booking_of_somebody_else_is_not_found",
    ),
    Guard(
        name="cancel: the token's room is the booking's",
        where=_CANCEL,
        text="ELSIF v_booking.room_id <> p_room THEN",
        without="ELSIF false THEN",
        invariant="X1",
        test=_PAYMENTS + "a_booking_of_another_room_needs_that_rooms_token",
    ),
    Guard(
        name="cancel: seat lock, first",
        where=_CANCEL,
        text="\n        FOR NO KEY UPDATE;",
        without=";",
        invariant="B2",
        test=_LOCKS + "a_cancel_locks_its_seat_before_all_else",
    ),
    Guard(
        name="cancel: the booking is read again under the lock",
        where=_CANCEL,
        text="        SELECT b.* INTO v_booking FROM concert_booking b"
        " WHERE b.concert_booking_id = p_booking;\n",
        without="",
        invariant="B2",
        test=_WALLS + "a_cancel_that_waited_for_the_payment_finds_it_paid",
    ),
    Guard(
        name="cancel: not what is paid",
        where=_CANCEL,
        text="        IF v_amount IS NULL THEN",
        without="        IF false THEN",
        invariant="B2",
        test=_HOLDS + "a_paid_booking_cannot_be_canceled",
    ),
    Guard(
        name="cancel: what was canceled stays as it is",
        where=_CANCEL,
        text="    IF v_booking.status = 'PENDING' THEN",
        without="    IF v_booking.status <> 'CONFIRMED' THEN",
        invariant="B5",
        test=_HOLDS + "a_canceled_hold_frees_its_seat_and_counts_no_more",
    ),
    Guard(
        name="cancel: clock read after the lock",
        where=_CANCEL,
        text="    v_now := clock_timestamp();",
        without="    v_now := statement_timestamp();",
        invariant="B5",
        test=_WALLS + "a_cancel_that_waited_past_the_deadline_is_not_the_owners",
    ),
    Guard(
        name="let go: past its deadline it had ended already",
        where=_LET_GO,
        text="CASE WHEN b.status = 'PENDING' AND b.expiration_at <= p_now THEN 'expired'\n"
        "                               ELSE p_reason END",
        without="p_reason",
        invariant="B5",
        test=_PAYMENTS + "canceling_after_the_deadline_does_not_make_it_the_owners_cancel",
    ),
    Guard(
        name="sweep: what has ended is let go",
        where=_SWEEP,
        text="    PERFORM let_go(v_stale, 'expired', v_now);\n",
        without="",
        invariant="B9",
        test=_EXPIRY + "a_sweep_writes_down_what_has_ended_and_nothing_else",
    ),
    Guard(
        name="let go: a hold ends",
        where=_LET_GO,
        text="SET status = 'CANCELED', updated_at = p_now,",
        without="SET updated_at = p_now,",
        invariant="B1",
        test=_EXPIRY + "somebody_else_takes_an_expired_hold_over_at_once",
    ),
    Guard(
        name="let go: what was not bought counts",
        where=_LET_GO,
        text="THEN o.held ELSE 0 END",
        without="THEN 0 ELSE 0 END",
        invariant="S3",
        test=_TERMS + "who_lets_too_many_seats_go_has_to_wait",
    ),
    Guard(
        name="let go: what an operator ends does not count",
        where=_LET_GO,
        text="CASE WHEN p_reason IN ('owner', 'expired') THEN",
        without="CASE WHEN true THEN",
        invariant="S3",
        test=_TERMS + "what_others_end_does_not_count",
    ),
    Guard(
        name="let go: the bucket leaks",
        where=_LET_GO,
        text="* p_max / 3600)",
        without="* 0 * p_max / 3600)",
        invariant="S3",
        test=_TERMS + "what_was_let_go_is_forgotten_with_time",
    ),
    Guard(
        name="let go: the counter",
        where=_LET_GO,
        text="SET live_seats = c.live_seats - o.seats,",
        without="SET live_seats = c.live_seats,",
        invariant="B10",
        test=_HOLDS + "a_canceled_hold_frees_its_seat_and_counts_no_more",
    ),
    Guard(
        name="let go: the freed seat is a change of the map",
        where=_LET_GO,
        text=f"{_CHANGED}, ",
        without="",
        invariant="B12",
        test=_CONDITIONS + "whoever_frees_a_seat_shows_it_as_a_change[cancel]",
    ),
    Guard(
        name="sweep: only what is past its deadline",
        where=_SWEEP,
        text="WHERE b.status = 'PENDING' AND b.expiration_at <= v_now\n",
        without="WHERE b.status = 'PENDING'\n",
        invariant="S3",
        test=_LOCKS + "a_sweep_locks_no_seat_whose_hold_goes_on",
    ),
    Guard(
        name="sweep: a bounded number, the oldest first",
        where=_SWEEP,
        text="ORDER BY b.expiration_at LIMIT p_limit",
        without="ORDER BY b.expiration_at",
        invariant="S3",
        test=_CONDITIONS + "a_sweep_ends_no_more_than_it_was_asked_to_the_oldest_first",
    ),
    Guard(
        name="sweep: waits for no seat",
        where=_SWEEP,
        text="FOR NO KEY UPDATE SKIP LOCKED",
        without="FOR NO KEY UPDATE",
        invariant="B9",
        test=_LOCKS + "a_sweep_waits_for_nobody_and_ends_the_rest",
    ),
    Guard(
        name="sweep: judged by the seat row",
        where=_SWEEP,
        text="WHERE s.concert_seat_id = ANY (v_seats) AND s.held_until <= v_now;",
        without="WHERE s.concert_seat_id = ANY (v_seats);",
        invariant="B5",
        test=_WALLS + "a_sweep_judges_by_the_seat",
    ),
    Guard(
        name="let go: counters are locked in their order",
        where=_LET_GO,
        text="ORDER BY c.user_id, c.concert_schedule_id FOR NO KEY UPDATE;",
        without="ORDER BY c.user_id DESC, c.concert_schedule_id FOR NO KEY UPDATE;",
        invariant="B10",
        test=_LOCKS + "counters_are_locked_in_the_order_of_their_visitors[sweep]",
    ),
)

ONCE = (
    Guard(
        name="key: lock",
        where=_ONCE,
        text="IF NOT pg_try_advisory_xact_lock(v_lock) AND NOT wait_for_key(v_lock) THEN",
        without="IF false THEN",
        invariant="B8",
        test=_KEYS + "duplicates_at_once_have_one_effect",
    ),
    Guard(
        name="key: waits a bounded time",
        where=_ONCE,
        text="SET lock_timeout = '2s' ",
        without="",
        invariant="B8",
        test=_KEYS + "a_duplicate_waits_a_bounded_time_for_the_first",
    ),
    Guard(
        name="key: of one path",
        where=_ONCE,
        text=" AND k.path = p_path",
        without="",
        invariant="B8",
        test=_KEYS + "a_key_belongs_to_its_visitor_and_path",
    ),
    Guard(
        name="key: of one visitor",
        where=_ONCE,
        text="ON k.user_id = u.user_id AND",
        without="ON",
        invariant="B8",
        test=_KEYS + "a_key_belongs_to_its_visitor_and_path",
    ),
    Guard(
        name="key: fingerprint",
        where=_ONCE,
        text="IF v_fingerprint = p_fingerprint THEN",
        without="IF v_fingerprint IS NOT NULL THEN",
        invariant="B8",
        test=_KEYS + "the_same_key_with_another_body_is_refused",
    ),
    Guard(
        name="key: looked up",
        where=_ONCE,
        text="IF v_fingerprint = p_fingerprint THEN",
        without="IF false THEN",
        invariant="B8",
        test=_KEYS + "the_same_key_and_body_get_the_first_answer_again",
    ),
    Guard(
        name="charge: answers a known key with its first answer",
        where=_CHARGE,
        text="    IF outcome IS NOT NULL THEN\n        RETURN;\n    END IF;\n",
        without="",
        invariant="B8",
        test=_KEYS + "the_same_key_and_body_get_the_first_answer_again",
    ),
    Guard(
        name="charge: a balance has a bound",
        where=_CHARGE,
        text=" AND u.balance + p_amount <= p_most",
        without="",
        invariant="B6",
        test=_ACCOUNTS + "a_balance_takes_no_more_than_its_bound",
    ),
    Guard(
        name="charge: ledger in the same transaction",
        where=_CHARGE,
        text="VALUES (v_user, 'CHARGE', p_amount, v_balance);",
        without="SELECT v_user, 'CHARGE', p_amount, v_balance WHERE false;",
        invariant="B7",
        test=_PAYMENTS + "the_ledger_adds_up_movement_by_movement",
    ),
    Guard(
        name="charge: the answer is kept with its effect",
        where=_CHARGE,
        text="    PERFORM end_once(v_user, p_path, p_key, p_fingerprint, body);\n",
        without="",
        invariant="B8",
        test=_KEYS + "the_same_key_and_body_get_the_first_answer_again",
    ),
    Guard(
        name="user: concurrent first requests share one row",
        where="booking_api/functions/ensure_user.sql",
        text="ON CONFLICT (external_id) DO NOTHING ",
        without="",
        invariant="B6",
        test=_WALLS + "the_first_requests_of_a_visitor_share_one_row",
    ),
)

GUARDS: tuple[Guard, ...] = (
    *holding.GUARDS,
    *paying.GUARDS,
    *ENDING,
    *ONCE,
    *books.GUARDS,
)
