"""Guards of halls and their maps: what is kept, what is told of it, which seats are the best."""

from tests.guards.rows import rows

_MAPS = "tests/integration/test_booking_maps_shared.py::"
_KEPT = "tests/integration/test_booking_maps_kept.py::"
_COMPACT = "tests/integration/test_booking_compact_maps.py::"
_STREAMS = "tests/integration/test_booking_map_streams.py::"
_HALLS = "tests/integration/test_booking_halls.py::"
_HALL = "tests/unit/test_hall.py::"
_SEATING = "tests/unit/test_seating.py::"

_KEEPING = (
    *rows(
        "booking_api/hall.py",
        (
            "kept map: ended holds are changes until they are written down",
            "B9",
            "sorted(ids | self._overdue)",
            "sorted(ids)",
            _HALL + "test_whoever_reads_on_knows_what_a_fresh_reading_says",
        ),
        (
            "kept map: changes by the transaction that made them",
            "B12",
            '            seat.changed = row["changed_xid"]\n',
            "",
            _HALL + "test_whoever_reads_on_knows_what_a_fresh_reading_says",
        ),
        (
            "kept map: a restored database is read anew",
            "B12",
            'if read[0]["version"] < self.version:',
            "if False:",
            _MAPS + "test_a_restored_database_is_read_anew",
        ),
        (
            "kept map: another price is another layout",
            "B12",
            "if seat is None or seat.layout != Seat.of(row).layout:",
            "if seat is None:",
            _COMPACT + "test_another_layout_tells_that_seats_or_prices_are_others",
        ),
        (
            "kept map: what was held here counts until the next reading only",
            "B12",
            "            seat = self._ahead.pop()\n            self._show(seat)\n",
            "            self._ahead.pop()\n",
            _MAPS + "test_seats_held_here_are_not_offered_again_until_they_are_read",
        ),
        (
            "kept map: seats held here are not offered again",
            "B1",
            "                seat.row.change(seat.at, RESERVED)\n",
            "",
            _MAPS + "test_seats_held_here_are_not_offered_again_until_they_are_read",
        ),
        (
            "kept map: what changed is rendered again",
            "B12",
            "        self.chunks[seat.rank // CHUNK] = None\n",
            "",
            _HALL + "test_whoever_reads_on_knows_what_a_fresh_reading_says",
        ),
    ),
    *rows(
        "booking_api/seat_rows.py",
        (
            "rows: what was known of a row is forgotten when a seat changes",
            "B1",
            "        self.known.clear()\n",
            "",
            _SEATING + "test_what_is_known_of_a_row_is_forgotten_when_a_seat_changes",
        ),
    ),
    *rows(
        "booking_api/seat_maps.py",
        (
            "maps: not older than what the client knows",
            "B12",
            "fresh or since > self.hall.version:",
            "fresh:",
            _MAPS + "test_what_another_process_showed_is_not_taken_back",
        ),
        (
            "maps: at most half a second old",
            "B12",
            "min(max(0, self.seats - SMALL) * AGE_S_PER_SEAT, MOST_AGE_S)",
            "max(0, self.seats - SMALL) * AGE_S_PER_SEAT",
            _MAPS + "test_no_reading_is_shown_for_more_than_half_a_second",
        ),
        (
            "maps: a reading serves nobody who asked too long after it began",
            "B12",
            "if self._reading_begun >= oldest:",
            "if True:",
            _MAPS + "test_who_asks_while_the_hall_is_read_is_not_told_what_was_before",
        ),
        (
            "maps: a bounded number of seats is kept",
            "S3",
            " or (seats > self.SEATS_KEPT and len(self._kept) > 1)",
            "",
            _MAPS + "test_the_largest_halls_are_not_all_kept",
        ),
    ),
)

_FOLLOWING = (
    *rows(
        "booking_api/map_streams.py",
        (
            "map streams: end after the token",
            "X1",
            "if status.status != ACTIVE:",
            "if False:",
            _STREAMS + "test_a_stream_ends_after_its_token",
        ),
        (
            "map streams: a bounded number",
            "S3",
            " or self._open + self._opening >= self._most",
            "",
            _STREAMS + "test_a_full_process_refuses_streams_until_one_ends",
        ),
        (
            "map streams: none begins while the process stops",
            "S3",
            "self._stopping or ",
            "",
            _STREAMS + "test_a_stopping_process_ends_its_streams_and_begins_none",
        ),
        (
            "map streams: who has gone takes no place",
            "S3",
            "if follower.transport.is_closing():",
            "if False:",
            _STREAMS + "test_a_full_process_refuses_streams_until_one_ends",
        ),
        (
            "map streams: what happened while a stream began is told",
            "B12",
            "            follower.tell(self._seen[0])\n",
            "            pass\n",
            _STREAMS + "test_who_begins_to_follow_is_told_what_others_know",
        ),
    ),
    *rows(
        "booking_api/map_events.py",
        (
            "map streams: a hall that was read anew is told from its version on",
            "B12",
            "hall is self._hall and hall.after",
            "hall.after",
            _STREAMS + "test_a_hall_that_is_read_anew_is_followed_further",
        ),
        (
            "map streams: resumed where the client was",
            "B12",
            "asked_since(request) if known is None else known",
            "asked_since(request)",
            _STREAMS + "test_who_comes_back_misses_nothing[Last-Event-ID]",
        ),
    ),
)

_LOADING = (
    *rows(
        "booking_api/halls.py",
        (
            "halls: each seat once, and where",
            "B12",
            "if first is not line:",
            "if False:",
            _HALLS + "test_what_is_wrong_with_json_is_said_with_its_place",
        ),
        (
            "halls: row and place go together",
            "B12",
            "if (seat.row is None) != (seat.place is None):",
            "if False:",
            _HALLS + "test_a_row_without_a_place_is_refused",
        ),
        (
            "halls: no more bytes than they may have",
            "S3",
            "client_max_size=MOST_BYTES",
            "client_max_size=0",
            _HALLS + "test_a_hall_is_neither_a_picture_nor_endless",
        ),
        (
            "halls: prices are exact in their currency",
            "B7",
            "return currency.amount(text, least=0)",
            "return Decimal(text)",
            _HALLS + "test_what_is_wrong_with_json_is_said_with_its_place",
        ),
    ),
    *rows(
        "booking_api/where.py",
        (
            "halls: what the operator says of a seat goes before its number",
            "B12",
            "known.section if section is None else section",
            "known.section",
            _HALLS + "test_what_the_operator_says_of_a_seat_goes_before_its_number",
        ),
    ),
)

_SHARING = rows(
    "booking_api/readings.py",
    (
        "shared readings: never older than they may be",
        "B12",
        "min(MOST_AGE_S, age_s(found))",
        "age_s(found)",
        "tests/unit/test_readings.py::test_it_is_as_old_as_it_may_be_and_no_older",
    ),
    (
        "shared readings: a failure is nobody else's",
        "B12",
        "                del self._known[name]\n",
        "                pass\n",
        "tests/unit/test_readings.py::test_a_failure_is_not_remembered",
    ),
)

_CHOOSING = (
    *rows(
        "booking_api/seating.py",
        (
            "best seats: no orphan where there is another choice",
            "B1",
            "if avoid_orphans and _leaves_orphan(run, begin, end):",
            "if False:",
            _SEATING + "test_better_seats_that_leave_an_orphan_are_passed_over",
        ),
        (
            "best seats: a row that begins well may end badly",
            "B1",
            " and apart[most - 1].cost <= _least_cost(row, wanted.count)",
            "",
            _SEATING + "test_a_row_that_begins_well_does_not_hide_a_better_one",
        ),
        (
            "best seats: none dearer than it may be",
            "B1",
            "max(row.prices[begin:end]) > wanted.max_price",
            "min(row.prices[begin:end]) > wanted.max_price",
            _SEATING + "test_seats_side_by_side_may_not_cost_more_one_by_one",
        ),
    ),
    *rows(
        "booking_api/scattering.py",
        (
            "scattered seats: a row that begins well may end badly",
            "B1",
            "            if found[count * most - 1].rank < row.best:\n                break\n",
            "            break\n",
            _SEATING + "test_a_row_that_begins_well_does_not_hide_a_better_one",
        ),
        (
            "scattered seats: no orphan where there is another choice",
            "B1",
            "if not (before == _ALONE and run.before_taken) or alone_already:",
            "if True:",
            _SEATING + "test_no_orphan_is_left_where_there_is_another_choice",
        ),
    ),
)

GUARDS = (*_KEEPING, *_FOLLOWING, *_LOADING, *_SHARING, *_CHOOSING)
