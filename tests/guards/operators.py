"""Guards of the operators' side: who may, what is kept of it, and what it must not break."""

from tests.guards import Guard
from tests.guards.rows import rows

_KEYS = "tests/unit/test_operators.py::"
_CREDENTIALS = "tests/unit/test_credentials.py::"
_OPERATORS = "tests/integration/test_gateway_operators.py::"
_ACCESS = "tests/integration/test_gateway_access.py::"
_ROOMS = "tests/integration/test_operators_rooms.py::"
_VISITORS = "tests/integration/test_operators_visitors.py::"
_SALE = "tests/integration/test_operators_sale.py::"
_STATS = "tests/integration/test_operators_stats.py::"
_AUDIT = "tests/integration/test_operators_audit.py::"
_LOCKS = "tests/integration/test_sale_locks.py::"
_RECENT = "tests/unit/test_recent.py::"

KEYS = (
    *rows(
        "queue_gateway/operators.py",
        (
            "operators' routes of the gateway ask for a key",
            "X2",
            "request[OPERATOR] = require_operator(request)",
            'request[OPERATOR] = Operator("nobody", may_write=True)',
            (
                _OPERATORS + "test_operator_routes_refuse_by_default",
                _ACCESS + "test_nobody_without_the_operators_key_learns_whether_a_room_is_there",
                _AUDIT + "test_what_operators_read_is_for_operators",
                _AUDIT + "test_a_key_for_reading_only_reads",
            ),
        ),
        (
            "an operators' route of the gateway nobody thought of asks for a key, too",
            "X2",
            'startswith("/v1/admin")',
            'startswith("/v1/admin/rooms")',
            _OPERATORS + "test_an_operators_route_nobody_thought_of_refuses_by_default",
        ),
    ),
    *rows(
        "shared/credentials.py",
        (
            "a key for reading changes nothing",
            "X2",
            "if request.method not in SAFE_METHODS and not found[0].may_write:",
            "if False:",
            (
                _KEYS + "test_a_key_for_reading_changes_nothing",
                _AUDIT + "test_a_key_for_reading_only_reads",
            ),
        ),
    ),
    *rows(
        "shared/operators.py",
        (
            "an operator's key is compared whole",
            "X2",
            "return hmac.compare_digest(given, self.key.encode())",
            "return self.key.encode().startswith(given)",
            _CREDENTIALS + "test_every_operators_key_is_good_and_nothing_else",
        ),
        (
            "a key that is marked so only reads",
            "X2",
            "may_write=not label.strip().endswith(_READS)",
            "may_write=True",
            _KEYS + "test_a_key_for_reading_changes_nothing",
        ),
        (
            "a key has one operator",
            "X2",
            "any(by_key[known.key] != known.operator for known in found)",
            "False",
            _KEYS + "test_bad_keys_are_refused_by_the_name_of_their_variable",
        ),
        (
            "an operator's key is long",
            "X2",
            "len(key) < MIN_KEY_LENGTH or ",
            "",
            _KEYS + "test_bad_keys_are_refused_by_the_name_of_their_variable",
        ),
        (
            "a name without its key is no key",
            "X2",
            ' or key.rstrip("=").endswith(_READS)',
            "",
            _KEYS + "test_bad_keys_are_refused_by_the_name_of_their_variable",
        ),
        (
            "no text of a key shows it",
            "X3",
            "key: str = field(repr=False)",
            "key: str",
            _KEYS + "test_no_text_of_a_key_shows_it",
        ),
    ),
)

REQUESTS = (
    *rows(
        "queue_gateway/addresses.py",
        (
            "a room_id is a slug",
            "O5",
            "if not ROOM_ID.fullmatch(room_id):",
            "if False:",
            (
                _ACCESS + "test_the_address_is_judged_before_the_precondition",
                _ROOMS + "test_an_odd_address_is_no_room",
            ),
        ),
        (
            "a page of rooms begins after a slug",
            "O5",
            "asked.after is not None and not ROOM_ID.fullmatch(asked.after)",
            "False",
            _ROOMS + "test_a_page_that_is_none_is_refused",
        ),
    ),
    *rows(
        "shared/paging.py",
        (
            "a cursor is one of ours",
            "O5",
            "if cursor(found) != given:",
            "if False:",
            _ROOMS + "test_a_page_that_is_none_is_refused",
        ),
    ),
    *rows(
        "shared/preconditions.py",
        (
            "a change needs If-Match",
            "X2",
            "    if not known and not unknown:\n        raise PreconditionRequired\n",
            '    if not known and not unknown:\n        return "*"\n',
            _OPERATORS + "test_a_change_needs_the_version_it_changes",
        ),
        (
            "If-Match is a version, not a word that scripts know",
            "X2",
            "if not _EXPECTED.fullmatch(tag):",
            "if False:",
            _ACCESS + "test_a_tag_that_no_room_has_matches_nothing",
        ),
        (
            "If-None-Match only creates",
            "X2",
            '        return "none"\n',
            '        return "*"\n',
            _OPERATORS + "test_a_change_needs_the_version_it_changes",
        ),
        (
            "If-None-Match does not make If-Match void",
            "X2",
            "    if unknown:\n",
            "    if False:\n",
            _OPERATORS + "test_preconditions_that_contradict_each_other_change_nothing",
        ),
        (
            "If-None-Match with a tag is refused",
            "X2",
            'if unknown not in (None, "*"):',
            "if False:",
            _OPERATORS + "test_preconditions_that_contradict_each_other_change_nothing",
        ),
        (
            "an If-Match that need not be sent counts if it is",
            "X2",
            "return None if known is None else _version(known)",
            "return None",
            _ROOMS + "test_an_etag_that_is_sent_is_honoured",
        ),
    ),
)

STEERING = (
    *rows(
        "queue_gateway/steering.py",
        (
            "a change of another version is refused",
            "X2",
            "            raise _REFUSALS[outcome]\n        return outcome",
            "            pass\n        return outcome",
            (
                _OPERATORS + "test_a_change_needs_the_version_it_changes",
                _ROOMS + "test_a_room_is_made_once",
                _ROOMS + "test_a_lane_in_which_somebody_waits_stays",
            ),
        ),
        (
            "a reset makes no room",
            "X2",
            "version = str((await self._rooms.view(room_id, 1)).version)",
            'version = "*"',
            _ROOMS + "test_a_deleted_room_leaves_no_key",
        ),
        (
            "a closed room of another version is not deleted",
            "X2",
            'elif expected not in (None, "*", str(view.version)):',
            "elif False:",
            _ROOMS + "test_a_closed_room_is_deleted_by_its_version_too",
        ),
        (
            "who opens a room again is told apart from who deleted it",
            "X2",
            'if outcome == "open":',
            "if False:",
            _ROOMS + "test_a_room_that_is_opened_while_it_is_deleted_stays",
        ),
        (
            "by hand nobody comes into a room that is shut",
            "A4",
            "if not view.admitting:",
            "if False:",
            _VISITORS + "test_a_room_that_admits_nobody_admits_nobody_by_hand",
        ),
        (
            "by hand as many come in as were named",
            "A1",
            "by_hand=count - admitted",
            "by_hand=count",
            _VISITORS + "test_by_hand_more_come_in_than_one_round_takes",
        ),
        (
            "who joins anew while being revoked is revoked",
            "X1",
            "        for _ in range(TRIES):\n            found",
            "        for _ in range(1):\n            found",
            _VISITORS + "test_a_visitor_who_joins_anew_while_being_revoked_is_revoked",
        ),
        (
            "a room that guards concerts is not anonymous",
            "X1",
            "if not is_free:",
            "if False:",
            _SALE + "test_a_room_that_guards_concerts_cannot_be_anonymous",
        ),
    ),
    *rows(
        "queue_gateway/history.py",
        (
            "a room that becomes anonymous gets no concert meanwhile",
            "X1",
            'await connection.execute(_query("lock_room"), room_id)',
            "pass",
            _SALE + "test_a_concert_and_an_anonymous_room_of_one_moment_exclude_each_other",
        ),
    ),
    *rows(
        "booking_api/catalogue.py",
        (
            "a room that gets a concert does not become anonymous meanwhile",
            "X1",
            'await sale.rows("lock_room", room_id)',
            "pass",
            _SALE + "test_a_concert_and_an_anonymous_room_of_one_moment_exclude_each_other",
        ),
        (
            "an anonymous room gets no concert",
            "X1",
            "await self._places.is_anonymous(room_id)",
            "False",
            _SALE + "test_an_anonymous_room_gets_no_concert",
        ),
    ),
    *rows(
        "booking_api/functions/cancel_holds.sql",
        (
            "an operator's cancel locks all seats first, in their order",
            "B1",
            "ORDER BY s.concert_seat_id FOR NO KEY UPDATE;",
            "ORDER BY s.concert_seat_id;",
            _LOCKS + "test_an_operators_cancel_locks_all_seats_in_their_order_before_all_else",
        ),
    ),
)

KEPT = (
    *rows(
        "shared/audit.py",
        (
            "a refused action is kept as refused",
            "X2",
            "await self._end(audit_id, _outcome(error), found)",
            "pass",
            _AUDIT + "test_who_did_what_when_and_what_came_of_it",
        ),
        (
            "a done action is kept as done",
            "X2",
            "await self._end(audit_id, DONE, found)",
            "pass",
            _AUDIT + "test_each_action_of_the_gateway_is_kept",
        ),
    ),
    *rows(
        "shared/queries/audit_page.sql",
        (
            "the audit of a room is that room's",
            "X2",
            "room_id = $1)",
            "true)",
            _AUDIT + "test_the_audit_comes_in_pages_by_room_and_by_operator",
        ),
        (
            "the audit of an operator is that operator's",
            "X2",
            "operator = $2)",
            "true)",
            _AUDIT + "test_the_audit_comes_in_pages_by_room_and_by_operator",
        ),
    ),
    *rows(
        "queue_gateway/queries/last_token.sql",
        (
            "a visitor's last token is the last one",
            "X1",
            "ORDER BY generation DESC, number DESC LIMIT 1",
            "ORDER BY number LIMIT 1",
            _VISITORS + "test_a_visitors_last_token_is_told_with_its_reason",
        ),
    ),
    *rows(
        "queue_gateway/queries/waits.sql",
        (
            "waits of a rehearsal are forgotten",
            "O5",
            "WHERE generation >= $2",
            "WHERE $2::bigint IS NOT NULL",
            (
                _STATS + "test_waits_are_measured_and_a_reset_forgets_them",
                _STATS + "test_waits_are_those_of_the_last_hour_and_of_the_latest_admissions",
            ),
        ),
        (
            "waits are those of the last hour",
            "S3",
            "interval '1 hour'",
            "interval '1 day'",
            _STATS + "test_waits_are_those_of_the_last_hour_and_of_the_latest_admissions",
        ),
        (
            "waits are those of the latest admissions",
            "S3",
            "LIMIT $3",
            "OFFSET $3::bigint - $3",
            _STATS + "test_waits_are_those_of_the_last_hour_and_of_the_latest_admissions",
        ),
    ),
    *rows(
        "queue_gateway/admin_stats.py",
        (
            "streams of figures are bounded",
            "S3",
            "self.open >= MOST_STREAMS or ",
            "",
            _STATS + "test_streams_are_bounded_and_make_room_when_they_end",
        ),
        (
            "a stream of figures that ended makes room",
            "S3",
            "watching.open -= 1",
            "pass",
            _STATS + "test_streams_are_bounded_and_make_room_when_they_end",
        ),
        (
            "a stopping gateway ends its streams of figures",
            "S3",
            "return not self.stopping.is_set()",
            "return True",
            _STATS + "test_a_stopping_gateway_ends_its_streams",
        ),
    ),
    *rows(
        "queue_gateway/recent.py",
        (
            "what was read is read anew after a while",
            "S3",
            "if self._kept[oldest].began > began:",
            "if True:",
            _RECENT + "test_what_was_read_is_read_anew_after_a_while",
        ),
        (
            "what was read too long ago is not at hand",
            "S3",
            "if age_s >= self._age_s:",
            "if False:",
            _RECENT + "test_what_was_asked_for_too_long_ago_is_not_at_hand",
        ),
    ),
)

GUARDS: tuple[Guard, ...] = (*KEYS, *REQUESTS, *STEERING, *KEPT)
