"""Guards of time: what is told of waits, and that many rooms keep nobody waiting."""

from tests.guards import Guard
from tests.guards.rows import rows

_ETA = "tests/unit/test_eta.py::"
_TOLD = "tests/integration/test_room_eta.py::"
_MANY = "tests/integration/test_many_rooms.py::"
_RIGHT = _ETA + "test_the_ranges_told_are_right_and_say_something"
_QUIET = _MANY + "test_whoever_joins_a_quiet_room_meets_no_outage"

_WAITS = (
    *rows(
        "queue_gateway/eta.py",
        (
            "what is told allows for other minutes to come",
            "E1",
            "slack = MARGIN * (1 + SILENCE_S / self._measured_s)",
            "slack = 1.0",
            _RIGHT,
        ),
        (
            "a range says something",
            "E1",
            "min(WIDEST * low, ceil(high_s))",
            "ceil(high_s)",
            _RIGHT,
        ),
        (
            "nothing is told of nothing",
            "E1",
            "if not self._admitted:\n            return None",
            "if not self._admitted:\n            return Wait(low=1, high=1)",
            _ETA + "test_nothing_is_told_where_nothing_was_measured",
        ),
    ),
    *rows(
        "queue_gateway/room_view.py",
        (
            "no wait is told of a line that stands",
            "E1",
            "if not self.admitting:\n            return None",
            "if False:\n            return None",
            _TOLD + "test_nothing_is_told_while_paused_or_before_the_opening",
        ),
    ),
    *rows(
        "lua/admit.lua",
        (
            "a pause is no time of the line",
            "E1",
            "moves and not by_seat and outage_ms == 0 and beat_ms or 0",
            "beat_ms",
            _TOLD + "test_a_pause_does_not_count_as_time_of_the_line",
        ),
        (
            "a lane without anybody is no slow lane",
            "E1",
            "if lane.lined_up then count_pace(",
            "if true then count_pace(",
            _TOLD + "test_a_lane_in_which_nobody_waited_is_not_slow_for_that",
        ),
    ),
)

_ROOMS = (
    *rows(
        "queue_gateway/room.py",
        (
            "a join wakes its room",
            "A5",
            "self.woken.add(room_id)",
            "pass",
            _MANY + "test_who_joins_a_quiet_room_is_admitted_with_the_next_tick",
        ),
    ),
    *rows(
        "queue_gateway/admission.py",
        (
            "where somebody waits, each tick looks",
            "A5",
            "dict.fromkeys((*self._busy, *self._woken, *idle))",
            "dict.fromkeys((*self._woken, *idle))",
            _MANY + "test_a_room_in_which_somebody_waits_is_served_in_every_tick",
        ),
        (
            "who woke while the store was gone stays awake",
            "A5",
            "self._woken.update(room_ids)",
            "pass",
            _MANY + "test_a_room_that_was_woken_while_the_store_was_gone_is_served_when_it_is_back",
        ),
        (
            "rooms of another process are found",
            "A5",
            (
                "return served + await self._rooms.with_visitors("
                "[n for n in seen if n not in self._busy])"
            ),
            "return served",
            _MANY + "test_a_room_that_another_process_filled_is_found_within_one_walk",
        ),
        (
            "quiet rooms are not all served",
            "S3",
            "LOOKED_AT), Walk(rooms, SERVED)",
            "LOOKED_AT), Walk(rooms, 100_000)",
            _MANY + "test_a_tick_among_many_rooms_costs_what_the_busy_ones_cost",
        ),
        (
            "rounds go on until the work is done",
            "A5",
            "due = unfinished",
            "due = []",
            _MANY + "test_a_round_goes_on_until_no_work_is_left",
        ),
        (
            "a quiet room has no outage",
            "A6",
            " and (room_id in self._busy or (self._first and done.live))",
            "",
            _QUIET,
        ),
    ),
    *rows(
        "shared/scripts.py",
        (
            "one room's failure is its own",
            "A5",
            "raise_on_error=False",
            "raise_on_error=True",
            _MANY + "test_the_failure_of_one_room_holds_up_no_other",
        ),
        (
            "a forgotten script is loaded in the same tick",
            "A5",
            "if isinstance(answer, NoScriptError):",
            "if False:",
            _MANY + "test_scripts_that_the_store_forgot_cost_no_tick",
        ),
    ),
    *rows(
        "lua/admit.lua",
        (
            "where nobody was ACTIVE no deadline moved",
            "S3",
            "outage_ms > 0 and redis.call('ZCARD', ACTIVE) > 0",
            "outage_ms > 0",
            _QUIET,
        ),
    ),
    *rows(
        "queue_gateway/journal.py",
        (
            "only journals that hold something are read",
            "S3",
            "written = await self._written(room_ids)",
            "written = room_ids",
            _MANY + "test_the_journal_reads_only_rooms_in_which_something_happened",
        ),
        (
            "rooms that take long to look at are looked at less often",
            "S3",
            "max(PAUSE_S, self._looked_s / SHARE)",
            "PAUSE_S",
            (
                "tests/integration/test_journal.py::"
                "test_rooms_that_take_long_to_look_at_are_looked_at_less_often"
            ),
        ),
    ),
)

GUARDS: tuple[Guard, ...] = (*_WAITS, *_ROOMS)
