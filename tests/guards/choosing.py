"""Guards of the best available seats, and of the rule against orphans."""

from tests.guards.rows import rows

_BEST = "tests/integration/test_holds_best.py::test_"
_ORPHANS = "tests/integration/test_holds_orphans.py::test_"
_ONE_ROW = "count(DISTINCT (s.section, s.seat_row)) = 1\n                   AND max"

GUARDS = (
    *rows(
        "booking_api/functions/hold_seats.sql",
        (
            "hold: the neighbours' locks, where orphans are avoided",
            "B1",
            "            v_beside := beside(p_schedule, v_wanted);\n",
            "            v_beside := NULL;\n",
            _ORPHANS + "two_at_once_do_not_leave_an_orphan_between_them",
        ),
        (
            "hold: named seats leave no orphan",
            "B13",
            "        IF v_orphans IS NOT NULL THEN",
            "        IF false THEN",
            _ORPHANS + "a_hold_that_leaves_an_orphan_is_refused",
        ),
        (
            "hold: the rule is the date's",
            "B13",
            "    IF v_avoid AND p_seats IS NOT NULL THEN",
            "    IF p_seats IS NOT NULL THEN",
            _ORPHANS + "without_the_rule_anybody_may_leave_one",
        ),
        (
            "hold: nothing left is a refusal",
            "B13",
            "        IF v_wanted IS NULL THEN",
            "        IF false THEN",
            _BEST + "section_and_price_are_kept_to",
        ),
    ),
    *rows(
        "booking_api/functions/orphans.sql",
        (
            "orphans: an ended hold is a free seat",
            "B9",
            " OR (s.status = 'RESERVED' AND s.held_until <= p_now)",
            "",
            _ORPHANS + "an_ended_hold_is_a_free_seat_to_the_rule",
        ),
        (
            "orphans: both neighbours are not free",
            "B13",
            "AND 2 = (SELECT count(*)",
            "AND 1 <= (SELECT count(*)",
            _ORPHANS + "the_end_of_a_row_and_an_aisle_make_no_orphan",
        ),
        (
            "orphans: of one row",
            "B13",
            "AND n.seat_row = f.seat_row AND n.place IN",
            "AND n.place IN",
            _ORPHANS + "rows_and_sections_have_nothing_to_do_with_each_other",
        ),
        (
            "orphans: of one section",
            "B13",
            "WHERE n.concert_schedule_id = p_schedule AND n.section = f.section\n",
            "WHERE n.concert_schedule_id = p_schedule\n",
            _ORPHANS + "rows_and_sections_have_nothing_to_do_with_each_other",
        ),
        (
            "orphans: only while there is another choice",
            "B13",
            "        WHERE NOT leaves_orphan(",
            "        WHERE true OR leaves_orphan(",
            _ORPHANS + "an_orphan_may_be_left_where_there_is_no_other_choice",
        ),
        (
            "runs: side by side",
            "B13",
            "WHERE p_count = 1 OR f.last_place = f.place + p_count - 1",
            "",
            _BEST + "aisles_part_neighbours_and_seats_without_a_row_have_none",
        ),
    ),
    *rows(
        "booking_api/functions/lock_best.sql",
        (
            "best: seats that somebody works on are passed over",
            "B13",
            "FOR NO KEY UPDATE SKIP LOCKED) l;",
            "FOR NO KEY UPDATE) l;",
            _BEST + "seats_that_somebody_works_on_are_passed_over",
        ),
        (
            "best: all of the seats are locked",
            "B1",
            "            IF v_locked < (SELECT count(DISTINCT a) FROM unnest(v_all) a) THEN",
            "            IF false THEN",
            _BEST + "what_was_tried_in_vain_is_not_kept",
        ),
        (
            "best: candidates are side by side",
            "B13",
            "                   AND max(s.place) - min(s.place) = p_count - 1))",
            "                   ))",
            _BEST + "candidates_are_judged_again",
        ),
        (
            "best: candidates are of one row",
            "B13",
            _ONE_ROW,
            "max",
            _BEST + "candidates_are_judged_again",
        ),
        (
            "best: candidates are of the date",
            "X1",
            "WHERE s.concert_seat_id = ANY (p_seats) AND s.concert_schedule_id = p_schedule\n",
            "WHERE s.concert_seat_id = ANY (p_seats)\n",
            _BEST + "candidates_are_judged_again",
        ),
        (
            "best: the last seats are waited for",
            "B13",
            "                         p_avoid, true) THEN",
            "                         p_avoid, false) THEN",
            _BEST + "the_last_seats_are_waited_for",
        ),
        (
            "best: candidates are judged under their locks",
            "B1",
            "        IF NOT v_good OR (",
            "        IF (",
            _BEST + "candidates_are_tried_in_their_order",
        ),
        (
            "best: pieces are cut so that others find theirs",
            "B13",
            "f.ahead % p_count <> 0 AS cut",
            "false AS cut",
            _BEST + "pieces_are_cut_so_that_others_find_theirs",
        ),
        (
            "best: what leaves no orphan goes first",
            "B13",
            "            WHERE NOT p_avoid OR NOT leaves_orphan(",
            "            WHERE true OR leaves_orphan(",
            _ORPHANS + "however_many_would_leave_an_orphan_the_database_finds_those_that_do_not",
        ),
    ),
)
