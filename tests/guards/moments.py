"""Guards of what is decided together: the statement of a moment, and who is put into it."""

from tests.guards.rows import rows

_TOGETHER = "tests/integration/test_hold_moments.py::test_"
_CROWDS = "tests/integration/test_hold_crowds.py::test_"
_UNIT = "tests/unit/test_moments.py::test_"
_BUSY = _TOGETHER + "what_somebody_works_on_goes_alone_and_is_not_waited_for"
_SOUND = "a.time = 1 AND v_locked[a.n] AND d.room_id = a.room_id"

GUARDS = (
    *rows(
        "booking_api/functions/hold_moment.sql",
        (
            "moment: a key that somebody works with goes alone",
            "B8",
            _SOUND,
            _SOUND.replace("v_locked[a.n] AND ", ""),
            _BUSY,
        ),
        (
            "moment: a known key goes alone",
            "B8",
            "AND k.key = a.key) IS NULL AS sound",
            "AND false) IS NULL AS sound",
            _TOGETHER + "a_known_key_goes_alone",
        ),
        (
            "moment: the token's room guards the concert",
            "B11",
            _SOUND,
            _SOUND.replace(" AND d.room_id = a.room_id", ""),
            _TOGETHER + "a_date_of_another_room_goes_alone",
        ),
        (
            "moment: a visitor is decided once",
            "B10",
            _SOUND,
            _SOUND.replace("a.time = 1 AND ", ""),
            _TOGETHER + "a_visitor_is_decided_once_in_a_moment",
        ),
        (
            "moment: seat lock",
            "B1",
            "ORDER BY s.concert_seat_id FOR NO KEY UPDATE SKIP LOCKED) l;",
            "ORDER BY s.concert_seat_id) l;",
            _BUSY,
        ),
        (
            "moment: waits for no seat",
            "B13",
            "FOR NO KEY UPDATE SKIP LOCKED",
            "FOR NO KEY UPDATE",
            _BUSY,
        ),
        (
            "moment: only free seats",
            "B1",
            " AND s.status = 'AVAILABLE'\n",
            "\n",
            _TOGETHER + "a_seat_whose_hold_has_ended_goes_alone",
        ),
        (
            "moment: seats that nobody before has asked for",
            "B1",
            "bool_and(r.first = r.n AND r.concert_seat_id = ANY (v_free))",
            "bool_and(r.concert_seat_id = ANY (v_free))",
            _TOGETHER + "the_first_who_asks_for_a_seat_gets_it_and_the_others_hear_so",
        ),
        (
            "moment: seats that are locked",
            "B1",
            "bool_and(r.first = r.n AND r.concert_seat_id = ANY (v_free))",
            "bool_and(r.first = r.n)",
            _BUSY,
        ),
        (
            "moment: every seat asked for is there",
            "B13",
            "AND w.concert_seat_id IS NOT NULL) OVER one AS known",
            ") OVER one AS known",
            _TOGETHER + "seats_that_are_not_there_go_alone",
        ),
        (
            "moment: a date that is stopped goes alone",
            "B13",
            " AND d.state = 'on_sale'",
            "",
            _TOGETHER + "a_date_that_is_particular_goes_alone",
        ),
        (
            "moment: a date off sale goes alone",
            "B13",
            "\n          AND c.off_sale_at IS NULL",
            "",
            _TOGETHER + "a_date_off_sale_goes_alone",
        ),
        (
            "moment: a date without orphans goes alone",
            "B13",
            "NOT d.avoid_orphans AND (",
            "(",
            _TOGETHER + "a_date_that_is_particular_goes_alone",
        ),
        (
            "moment: a date that is waited for goes alone",
            "B13",
            "LIMIT 1) IS NULL AS plain",
            "LIMIT 0) IS NULL AS plain",
            _TOGETHER + "a_date_that_is_waited_for_goes_alone",
        ),
        (
            "moment: who lets many seats go goes alone",
            "S3",
            "AND (d.max_let_go_per_hour = 0 OR let_go_now(",
            "AND (true OR let_go_now(",
            _TOGETHER + "who_lets_many_seats_go_goes_alone",
        ),
        (
            "moment: a look at the limit",
            "B10",
            " AND r.live_seats + count(*) <= r.seat_limit",
            "",
            _TOGETHER + "who_has_not_room_for_so_many_goes_alone",
        ),
        (
            "moment: a limit of one's own goes before the date's",
            "B10",
            "coalesce((l.c).own_limit, d.max_seats_per_user) AS seat_limit",
            "d.max_seats_per_user AS seat_limit",
            _TOGETHER + "who_has_not_room_for_so_many_goes_alone",
        ),
        (
            "moment: conditional counter",
            "B10",
            "\n                  AND c.live_seats + v_counts[l.n] <= v_limits[l.n]",
            "",
            _TOGETHER + "a_counter_that_grew_meanwhile_is_judged_as_it_is",
        ),
        (
            "moment: waits for no counter",
            "B13",
            "FOR NO KEY UPDATE OF c SKIP LOCKED",
            "FOR NO KEY UPDATE OF c",
            _BUSY,
        ),
        (
            "moment: waits for no visitor long",
            "S3",
            "SET lock_timeout = '500ms' ",
            "",
            _TOGETHER + "a_visitor_whom_somebody_makes_is_not_waited_for_long",
        ),
        (
            "moment: held seats are changes of the map",
            "B12",
            "held_until = m.expiration_at, changed_xid = pg_current_xact_id(),",
            "held_until = m.expiration_at,",
            _TOGETHER + "each_of_a_moment_gets_the_answer_that_is_kept_for_it",
        ),
        (
            "moment: each answer is kept with its effect",
            "B8",
            "            FROM answers a\n        )",
            "            FROM answers a WHERE false\n        )",
            _TOGETHER + "each_of_a_moment_gets_the_answer_that_is_kept_for_it",
        ),
    ),
    *rows(
        "booking_api/moments.py",
        (
            "moment: what may have happened is not asked again",
            "B13",
            "        elif isinstance(error, _UNKNOWN):\n",
            "        elif False:\n",
            _UNIT + "what_may_have_happened_is_not_asked_again",
        ),
        (
            "moment: a mistake is that of one",
            "B13",
            "            answers = [None] * len(moment)\n",
            "            answers = [_unknown(error) for _ in moment]\n",
            (
                _UNIT + "a_poisonous_request_fails_alone",
                _CROWDS + "what_one_of_a_moment_breaks_is_its_own",
            ),
        ),
        (
            "moment: nobody overtakes who goes alone",
            "B13",
            "not any(key in self._busy or key in barred for key in one.keys)",
            "True",
            _UNIT + "nobody_overtakes_who_asked_for_the_same_before",
        ),
        (
            "moment: a visitor is in it once",
            "B10",
            " and owned.isdisjoint(one.own)",
            "",
            _UNIT + "one_visitor_is_in_a_moment_once",
        ),
        (
            "moment: the line is bounded",
            "S3",
            " or len(self._line) + len(self._lone) >= WAITING",
            "",
            _UNIT + "the_line_is_bounded",
        ),
        (
            "moment: it is bounded itself",
            "S3",
            "while self._line and len(chosen) < MOST and",
            "while self._line and",
            _UNIT + "a_moment_is_bounded",
        ),
        (
            "moment: nobody waits longer than the deadline",
            "S3",
            "            if now - one.since > ACQUIRE_DEADLINE_S:\n",
            "            if False:\n",
            _UNIT + "nobody_waits_longer_than_the_deadline",
        ),
    ),
)
