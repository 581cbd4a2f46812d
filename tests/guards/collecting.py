"""Guards of paying through a provider."""

from tests.guards import Guard
from tests.guards.rows import rows

_INTENTS = "tests/integration/test_booking_intents.py::test_"
_MOMENTS = "tests/integration/test_money_moments.py::test_"
_FUNCTIONS = "booking_api/functions/"

GUARDS: tuple[Guard, ...] = (
    *rows(
        _FUNCTIONS + "create_intent.sql",
        (
            "intent: only one's own bookings",
            "X1",
            "WHERE b.concert_booking_id = ANY (p_bookings) AND b.user_id = v_user;",
            "WHERE b.concert_booking_id = ANY (p_bookings);",
            _INTENTS + "an_intent_is_for_ones_own_payable_bookings_of_the_room",
        ),
        (
            "intent: the token's room is the bookings'",
            "X1",
            "    IF v_foreign THEN",
            "    IF false THEN",
            _INTENTS + "an_intent_needs_a_token_of_the_bookings_room",
        ),
        (
            "intent: all or none",
            "B13",
            "ELSIF v_found < cardinality(p_bookings) THEN",
            "ELSIF v_found = 0 THEN",
            _INTENTS + "an_intent_is_for_ones_own_payable_bookings_of_the_room",
        ),
        (
            "intent: only what can still be paid",
            "B4",
            "FROM payable(p_bookings, clock_timestamp()) p;\n    IF outcome IS NOT NULL THEN",
            "FROM payable(p_bookings, '-infinity') p;\n    outcome := NULL;\n    IF false THEN",
            _INTENTS + "an_intent_is_for_ones_own_payable_bookings_of_the_room",
        ),
        (
            "intent: so many unpaid ones an hour",
            "S3",
            "IF v_unpaid >= p_most THEN",
            "IF false THEN",
            _INTENTS + "a_visitor_has_so_many_unpaid_intents_an_hour",
        ),
        (
            "intent: the answer is kept with its effect",
            "B8",
            "    PERFORM end_once(v_user, p_path, p_key, p_fingerprint, body);\n",
            "",
            _INTENTS + "the_same_key_gets_the_same_intent_and_the_provider_is_asked_once",
        ),
    ),
    *rows(
        _FUNCTIONS + "take_event.sql",
        (
            "event: taken once",
            "B8",
            "    ON CONFLICT DO NOTHING;",
            "    ;",
            _INTENTS + "an_event_is_taken_once_however_often_it_comes",
        ),
        (
            "event: our key and the provider's name belong together",
            "X1",
            "\n      AND coalesce(i.reference, p_reference) = p_reference;",
            ";",
            _INTENTS + "an_event_about_nothing_of_ours_is_kept_and_does_nothing",
        ),
        (
            "event: found by our key before the provider's name is known",
            "B13",
            "WHERE i.provider = p_provider AND i.key = p_key",
            "WHERE i.provider = p_provider AND i.key = p_key AND i.reference IS NOT NULL",
            _INTENTS + "a_success_before_the_providers_answer_was_kept_counts",
        ),
        (
            "collected: seat lock, first",
            "B4",
            "ORDER BY s.concert_seat_id FOR NO KEY UPDATE;",
            "ORDER BY s.concert_seat_id;",
            (
                _INTENTS + "a_success_waits_for_a_cancel_and_finds_it_done",
                _MOMENTS + "a_success_that_waited_past_the_deadline_is_too_late",
            ),
        ),
        (
            "collected: clock read after the locks",
            "B4",
            "        v_now := clock_timestamp();",
            "        v_now := statement_timestamp();",
            _MOMENTS + "a_success_that_waited_past_the_deadline_is_too_late",
        ),
        (
            "collected: user lock",
            "B6",
            "WHERE u.user_id = v_intent.user_id FOR NO KEY UPDATE;",
            "WHERE u.user_id = v_intent.user_id;",
            _MOMENTS + "a_success_goes_on_from_the_balance_that_it_waited_for",
        ),
        (
            "collected: once, whatever the provider says again",
            "B8",
            "p_status = 'succeeded' AND v_intent.status IN ('created', 'declined') THEN",
            "p_status = 'succeeded' THEN",
            _INTENTS + "two_events_of_one_success_pay_once",
        ),
        (
            "collected: a decline after the money changes nothing",
            "B8",
            "p_status IN ('declined', 'expired') AND v_intent.status IN ('created', 'declined')",
            "p_status IN ('declined', 'expired')",
            _INTENTS + "a_decline_that_comes_after_the_success_changes_nothing",
        ),
        (
            "collected: the amount that was asked for",
            "B7",
            "IF p_amount = v_intent.amount AND p_collected = p_currency",
            "IF p_collected = p_currency",
            _INTENTS + "another_amount_buys_nothing_and_is_given_back",
        ),
        (
            "collected: the currency that was asked for",
            "B7",
            "AND p_collected = p_currency\n",
            "\n",
            _INTENTS + "another_amount_buys_nothing_and_is_given_back",
        ),
        (
            "collected: only what can still be paid, all of it",
            "B4",
            "(SELECT p.outcome IS NULL AND p.total = v_intent.amount\n",
            "(SELECT true\n",
            _INTENTS + "money_that_comes_after_the_hold_ended_is_given_back",
        ),
        (
            "collected: the charge is in the ledger",
            "B6",
            (
                "        VALUES (v_intent.user_id, 'CHARGE', v_intent.amount,"
                " v_balance + v_intent.amount, p_intent,\n                v_now);"
            ),
            (
                "        SELECT v_intent.user_id, 'CHARGE', v_intent.amount,"
                " v_balance + v_intent.amount, p_intent,\n                v_now WHERE false;"
            ),
            _INTENTS + "what_the_provider_collected_pays_the_bookings",
        ),
    ),
    *rows(
        "booking_api/queries/due_intents.sql",
        (
            "collected: money is given back until it is done",
            "B13",
            "WHEN i.status <> 'refund_due' AND i.created_at",
            "WHEN i.created_at",
            _MOMENTS + "money_is_given_back_however_long_ago_it_came",
        ),
        (
            "collected: a provider that does not answer is asked later and later",
            "S3",
            "power(2, least(i.attempts, 10))",
            "1",
            _INTENTS + "giving_back_goes_on_until_the_provider_has_done_it",
        ),
    ),
    *rows(
        "booking_api/intent_handlers.py",
        (
            "event: signed by the provider",
            "X1",
            (
                "if len(signed) != 1 or not is_stamped(\n"
                "        request.app[SECRETS], signed[0], await request.read(), time()\n    ):"
            ),
            "if False:",
            _INTENTS + "an_event_needs_the_providers_signature_of_now",
        ),
    ),
    *rows(
        "shared/stamps.py",
        (
            "stamp: of now",
            "X1",
            "if abs(now - int(times[0])) > TOLERANCE_S:",
            "if False:",
            _INTENTS + "an_event_needs_the_providers_signature_of_now",
        ),
        (
            "stamp: of this body, by a secret of ours",
            "X1",
            "any(hmac.compare_digest(one, other) for one in given for other in known)",
            "bool(given and known)",
            _INTENTS + "an_event_needs_the_providers_signature_of_now",
        ),
    ),
    *rows(
        "booking_api/intents.py",
        (
            "collected: an unknown end is asked for",
            "B13",
            "if said.status in _ENDS:",
            "if False:",
            _INTENTS + "a_lost_event_is_no_lost_payment",
        ),
    ),
)
