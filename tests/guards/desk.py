"""Guards of the operators' desk on the booking API: dates, prices, customers, exports."""

from tests.guards import Guard
from tests.guards.rows import rows

_PROGRAMME = "tests/integration/test_operators_programme.py::test_"
_DATES = "tests/integration/test_operators_dates.py::test_"
_INVENTORY = "tests/integration/test_operators_inventory.py::test_"
_CUSTOMERS = "tests/integration/test_operators_customers.py::test_"
_FIGURES = "tests/integration/test_operators_figures.py::test_"
_DEEDS = "tests/integration/test_operators_deeds.py::test_"

_NO_DATE = "ELSIF v_was.state = 'canceled' THEN"
_LOCKED_DATE = "WHERE d.concert_schedule_id = p_schedule\n    FOR NO KEY UPDATE;"
_UNLOCKED_DATE = "WHERE d.concert_schedule_id = p_schedule;"
_VERSION = "ELSIF p_expected NOT IN ('*', v_was.version::text) THEN"
_ENDED = "WHEN b.status = 'PENDING' AND b.expiration_at <= now() THEN 'CANCELED'"

PROGRAMME = (
    *rows(
        "shared/preconditions.py",
        (
            "a change of a concert or a date needs If-Match",
            "X2",
            "    if not known:\n        raise PreconditionRequired\n",
            '    if not known:\n        return "*"\n',
            _PROGRAMME + "a_change_needs_the_version_it_changes",
        ),
    ),
    *rows(
        "booking_api/functions/change_concert.sql",
        (
            "a concert: a change of another version is refused",
            "X2",
            _VERSION,
            "ELSIF false THEN",
            _PROGRAMME + "a_change_needs_the_version_it_changes",
        ),
        (
            "a concert: of two changes of one version one counts",
            "X2",
            "WHERE c.concert_id = p_concert FOR NO KEY UPDATE;",
            "WHERE c.concert_id = p_concert;",
            _PROGRAMME + "of_two_changes_of_one_version_one_counts",
        ),
    ),
    *rows(
        "booking_api/functions/change_schedule.sql",
        (
            "a date: a change of another version is refused",
            "X2",
            _VERSION,
            "ELSIF false THEN",
            _PROGRAMME + "a_change_needs_the_version_it_changes",
        ),
        (
            "a date: of two changes of one version one counts",
            "X2",
            _LOCKED_DATE,
            _UNLOCKED_DATE,
            _PROGRAMME + "of_two_changes_of_one_version_one_counts",
        ),
        (
            "a canceled date is not changed",
            "B5",
            _NO_DATE,
            "ELSIF false THEN",
            _PROGRAMME + "what_is_canceled_is_final",
        ),
        (
            "a lower limit is one from its moment on",
            "B10",
            "THEN v_was.limited_at ELSE clock_timestamp() END",
            "THEN v_was.limited_at ELSE v_was.limited_at END",
            _PROGRAMME + "a_lower_limit_takes_nothing_and_holds_from_then_on",
        ),
        (
            "a date that stays where it is has not moved",
            "B8",
            "IF v_is.schedule_date <> v_was.schedule_date THEN",
            "IF true THEN",
            _PROGRAMME + "a_date_that_moves_is_announced_with_all_that_is_sold_of_it",
        ),
    ),
    *rows(
        "booking_api/functions/close_schedule.sql",
        (
            "a canceled date is not closed",
            "B5",
            _NO_DATE,
            "ELSIF false THEN",
            _PROGRAMME + "what_is_canceled_is_final",
        ),
    ),
)

CANCELLING = (
    *rows(
        "booking_api/functions/cancel_schedule.sql",
        (
            "a date is canceled once",
            "B8",
            _NO_DATE,
            "ELSIF false THEN",
            _DATES + "a_date_is_canceled_once",
        ),
        (
            "a date is canceled once, also by two at once",
            "B8",
            _LOCKED_DATE,
            _UNLOCKED_DATE,
            _DATES + "two_who_cancel_a_date_at_once_cancel_it_once",
        ),
        (
            "the same cancellation has the same reason",
            "B8",
            "AND j.reason = p_reason",
            "",
            _DATES + "a_date_is_canceled_once",
        ),
        (
            "the same cancellation gives the same back",
            "B8",
            "\n              AND j.refund_percent = p_percent) THEN",
            ") THEN",
            _DATES + "a_date_is_canceled_once",
        ),
        (
            "whoever looks for work waits for nobody",
            "B8",
            "LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;",
            "LIMIT 1 FOR NO KEY UPDATE;",
            _DATES + "a_batch_that_broke_off_comes_again",
        ),
        (
            "a job ends when nothing is left of its date",
            "B5",
            "finished_at = CASE WHEN v_live IS NULL THEN clock_timestamp() END",
            "finished_at = clock_timestamp()",
            (
                _DATES + "a_canceled_date_gives_everybody_their_money_back",
                _DATES + "a_hold_that_was_under_way_is_let_go_too",
            ),
        ),
    ),
    *rows(
        "booking_api/background.py",
        (
            "processes work on cancellations by themselves",
            "B8",
            '_forever("cancellations", app[CANCELLATIONS].work, cancellations.PAUSE_S)',
            '_forever("cancellations", app[COMPLETIONS].retry, cancellations.PAUSE_S)',
            _DATES + "every_process_works_on_it_by_itself",
        ),
    ),
    *rows(
        "booking_api/functions/cancel_for_visitor.sql",
        (
            "what is canceled already is kept as canceled once",
            "B8",
            "IF v_holds + v_paid > 0 THEN",
            "IF true THEN",
            _CUSTOMERS + "an_operator_cancels_a_paid_booking_once",
        ),
    ),
)

SEATS = (
    *rows(
        "booking_api/functions/change_limit.sql",
        (
            "a lower limit of one's own takes nothing",
            "B10",
            "seat_limit = greatest(c.live_seats, coalesce(p_limit, v_common));",
            "seat_limit = coalesce(p_limit, v_common);",
            _CUSTOMERS + "a_visitor_may_be_allowed_more_seats_and_fewer",
        ),
    ),
    *rows(
        "booking_api/functions/hold_seats.sql",
        (
            "hold: a limit of one's own goes before the date's",
            "B10",
            "coalesce(l.own_limit, d.max_seats_per_user)",
            "d.max_seats_per_user",
            _CUSTOMERS + "a_visitor_may_be_allowed_more_seats_and_fewer",
        ),
        (
            "hold: a seat that was just removed is not held",
            "B12",
            "IF v_there < v_count THEN",
            "IF false THEN",
            _INVENTORY + "a_seat_that_is_removed_while_somebody_wants_it_is_not_there",
        ),
    ),
    *rows(
        "booking_api/functions/set_prices.sql",
        (
            "prices: seat locks, in their order",
            "B3",
            "\n    ORDER BY s.concert_seat_id FOR NO KEY UPDATE;",
            ";",
            _INVENTORY + "a_seat_taken_while_prices_change_keeps_its_price",
        ),
        (
            "prices: what is held or sold keeps its own",
            "B3",
            "AND (s.status = 'AVAILABLE' OR (s.status = 'RESERVED' AND s.held_until <= v_now));",
            ";",
            _INVENTORY + "what_is_held_or_sold_keeps_its_price",
        ),
        (
            "prices: open maps are told",
            "B2",
            "changed_xid = pg_current_xact_id(), ",
            "",
            _INVENTORY + "prices_change_by_section_by_band_and_by_number",
        ),
        (
            "prices: of seats that are there",
            "B12",
            "IF v_unknown IS NOT NULL THEN",
            "IF false THEN",
            _INVENTORY + "prices_that_cannot_be_set_change_nothing",
        ),
        (
            "prices: a canceled date has none to set",
            "B5",
            "ELSIF v_state = 'canceled' THEN",
            "ELSIF false THEN",
            _INVENTORY + "a_canceled_date_has_no_new_prices",
        ),
    ),
    *rows(
        "booking_api/inventory_answers.py",
        (
            "a price is for seats that are named",
            "O5",
            "if len(given) == 1:",
            "if False:",
            _INVENTORY + "prices_that_cannot_be_set_change_nothing",
        ),
    ),
    *rows(
        "booking_api/functions/remove_seats.sql",
        (
            "removal: seat locks",
            "B12",
            "ORDER BY s.concert_seat_id FOR UPDATE) l;",
            "ORDER BY s.concert_seat_id) l;",
            _INVENTORY + "a_seat_that_is_taken_while_it_is_to_be_removed_stays",
        ),
        (
            "removal: not of what was ever booked",
            "B1",
            "IF v_booked IS NOT NULL THEN",
            "IF false THEN",
            _INVENTORY + "a_seat_that_was_ever_booked_stays",
        ),
        (
            "removal: all or none",
            "B12",
            "IF coalesce(cardinality(v_seats), 0) < cardinality(p_seats) THEN",
            "IF false THEN",
            _INVENTORY + "a_seat_that_was_ever_booked_stays",
        ),
        (
            "removal: counted",
            "B12",
            "seats_loaded = d.seats_loaded - cardinality(v_seats), ",
            "",
            _INVENTORY + "seats_that_nobody_booked_are_removed_and_may_come_back",
        ),
        (
            "removal: maps are told",
            "B12",
            "removed_xid = pg_current_xact_id(),",
            "removed_xid = d.removed_xid,",
            _INVENTORY + "seats_that_nobody_booked_are_removed_and_may_come_back",
        ),
    ),
    *rows(
        "booking_api/hall.py",
        (
            "a hall that lost seats is read anew",
            "B12",
            'if read[0]["removed"] != self.removed:',
            "if False:",
            _INVENTORY + "seats_that_nobody_booked_are_removed_and_may_come_back",
        ),
        (
            "whoever has a map from before a removal gets a whole one",
            "B12",
            "return self.removed < since <= self.version",
            "return since <= self.version",
            _INVENTORY + "seats_that_nobody_booked_are_removed_and_may_come_back",
        ),
    ),
)

READING = (
    *rows(
        "booking_api/queries/operators_bookings.sql",
        (
            "operators' bookings: an ended hold reads CANCELED",
            "B9",
            _ENDED,
            "WHEN false THEN 'CANCELED'",
            _CUSTOMERS + "bookings_of_everybody_by_date_status_and_visitor",
        ),
    ),
    *rows(
        "booking_api/exports.py",
        (
            "exports: text of others is no formula",
            "X3",
            " and value.startswith(_FORMULA):",
            " and False:",
            _FIGURES + "no_text_of_others_becomes_a_formula",
        ),
        (
            "exports: a bounded number at once",
            "S3",
            "if self.open >= MOST_AT_ONCE:",
            "if False:",
            _FIGURES + "exports_at_once_are_bounded",
        ),
        (
            "exports: half a file is not taken for a whole one",
            "B13",
            "                    self._request.transport.abort()\n",
            "                    await super().write_eof(data)\n",
            _FIGURES + "an_export_that_breaks_off_is_not_taken_for_a_whole_one",
        ),
        (
            "exports: go on where the last page ended",
            "B13",
            'after = rows[-1]["concert_booking_id"]',
            'after = rows[-1]["concert_booking_id"] + 1',
            _FIGURES + "an_export_comes_page_by_page",
        ),
    ),
    *rows(
        "booking_api/functions/audit.sql",
        (
            "what an operator did is kept",
            "X2",
            "'done', now())",
            "'begun', now())",
            _DEEDS + "every_change_is_kept_once",
        ),
    ),
)

GUARDS: tuple[Guard, ...] = (*PROGRAMME, *CANCELLING, *SEATS, *READING)
