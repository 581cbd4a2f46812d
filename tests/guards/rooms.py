"""Guards of the line: admission. Those of places and of the journal are beside this file."""

from tests.guards import Guard, changes, journals, lanes, places

_SCRIPTS = "tests/integration/test_room_scripts.py::"
_EDGES = "tests/integration/test_room_edges.py::"
_BOUNDS = "tests/integration/test_room_bounds.py::"
_OPERATORS = "tests/integration/test_room_operators.py::"
_MOVES = "lua/fragments/admission.lua"
_BUCKET = "lua/fragments/rate.lua"
_ADMIT = "lua/admit.lua"
_ENTER = "lua/enter.lua"
_LEFT = "return math.min(slots_left(room), math.floor(room.level / UNIT), seats_left(room, now))"

_PACE = (
    Guard(
        name="cap",
        where=_MOVES,
        text=_LEFT,
        without="return math.min(math.floor(room.level / UNIT), seats_left(room, now))",
        invariant="A1",
        test=_SCRIPTS + "test_the_cap_is_never_exceeded",
    ),
    Guard(
        name="rate",
        where=_MOVES,
        text=_LEFT,
        without="return math.min(slots_left(room), seats_left(room, now))",
        invariant="A2",
        test=_SCRIPTS + "test_admissions_keep_the_rate_and_its_burst",
    ),
    Guard(
        name="a quiet spell banks the burst at most",
        where=_BUCKET,
        text="room.level = math.min(burst, room.level + earned)",
        without="room.level = room.level + earned",
        invariant="A3",
        test=_SCRIPTS + "test_a_quiet_spell_banks_no_more_than_the_burst",
    ),
    Guard(
        name="a slow rate has a burst of one",
        where=_BUCKET,
        text="return math.max(UNIT, rate * 1000)",
        without="return rate * 1000",
        invariant="A5",
        test=_EDGES + "test_a_slow_rate_lets_in_one_at_a_time",
    ),
    Guard(
        name="admissions of a tick are taken from the rate",
        where=_ADMIT,
        text="if not by_hand then room.level = room.level - admitted * UNIT end",
        without="",
        invariant="A2",
        test=_SCRIPTS + "test_admissions_keep_the_rate_and_its_burst",
    ),
    Guard(
        name="admissions at a join are taken from the rate",
        where=_ENTER,
        text="if admitted > 0 then keep_rate(room) end",
        without="",
        invariant="A2",
        test=_SCRIPTS + "test_admissions_keep_the_rate_and_its_burst",
    ),
    Guard(
        name="joins in one call share the rate",
        where=_ENTER,
        text="room.level = room.level - UNIT",
        without="",
        invariant="A2",
        test=_EDGES + "test_joins_in_one_call_share_cap_and_rate",
    ),
    Guard(
        name="the bucket is settled at the old rate",
        where="lua/configure.lua",
        text="fields.level, fields.level_at_ms, fields.clock_ms = "
        "string.format('%d', level), stamp, stamp",
        without="fields.clock_ms = stamp\n"
        "if not room then fields.level, fields.level_at_ms = tostring(level), stamp end",
        invariant="A3",
        test=_EDGES + "test_a_new_rate_banks_nothing_from_a_time_without_ticks",
    ),
)

_TURN = (
    Guard(
        name="paused and closed rooms admit nobody",
        where=_MOVES,
        text="return (room.state == 'open' or room.state == 'draining')",
        without="return true",
        invariant="A4",
        test=_SCRIPTS + "test_nobody_is_admitted_while",
    ),
    Guard(
        name="before the opening nobody is admitted",
        where=_MOVES,
        text="and (not room.opens_at_ms or room.opens_at_ms <= now)",
        without="",
        invariant="A4",
        test=_SCRIPTS + "test_nobody_is_admitted_before_the_opening",
    ),
    Guard(
        name="a draining room admits its line",
        where=_MOVES,
        text="room.state == 'open' or room.state == 'draining'",
        without="room.state == 'open'",
        invariant="A5",
        test=_SCRIPTS + "test_draining_admits_the_line_but_lets_nobody_join",
    ),
    Guard(
        name="lower numbers first",
        where=_ADMIT,
        text="redis.call('ZRANGE', lane.key,",
        without="redis.call('ZREVRANGE', lane.key,",
        invariant="O2",
        test=_SCRIPTS + "test_the_first_in_line_is_admitted_first",
    ),
    Guard(
        name="who is admitted waits no more",
        where=_ADMIT,
        text="call_with('ZREM', lane.key, lane.chosen)",
        without="",
        invariant="O4",
        test=_SCRIPTS + "test_the_first_in_line_is_admitted_first",
    ),
    Guard(
        name="who is admitted is not watched as a waiter",
        where=_ADMIT,
        text="  call_with('ZREM', SEEN, visitors)\n",
        without="",
        invariant="A6",
        test=_EDGES + "test_who_was_admitted_may_be_silent",
    ),
    Guard(
        name="at once only where nobody waits",
        where=_ENTER,
        text="count_waiting(room) == 0 and ",
        without="",
        invariant="O2",
        test=_SCRIPTS + "test_nobody_overtakes_a_line_by_joining",
    ),
    Guard(
        name="at once only where nobody of the same call waits",
        where=_ENTER,
        text="#newcomers == 0 and ",
        without="",
        invariant="O2",
        test=_EDGES + "test_nobody_overtakes_who_joins_in_the_same_call",
    ),
    Guard(
        name="at once only while the room admits",
        where=_ENTER,
        text="admitting(room, now) and ",
        without="",
        invariant="A4",
        test=_EDGES + "test_nobody_is_let_in_at_once_while",
    ),
    Guard(
        name="at once only as cap and rate allow",
        where=_ENTER,
        text=" and room_left(room, now) > 0",
        without="",
        invariant="A1",
        test=_SCRIPTS + "test_an_empty_line_lets_in_at_once_as_cap_and_rate_allow",
    ),
    Guard(
        name="a silent head is passed over",
        where=_ADMIT,
        text="if not seen or math.floor(seen) > idle_before or now < idle_rest_until then",
        without="if true then",
        invariant="A5",
        test=_SCRIPTS + "test_dead_heads_beyond_the_sweep_limit_block_nobody",
    ),
    Guard(
        name="after an outage a silent head is no dead one",
        where=_ADMIT,
        text=" or now < idle_rest_until then",
        without=" then",
        invariant="A5",
        test=_EDGES + "test_after_an_outage_a_silent_head_is_admitted_not_ended",
    ),
)

_JOINING = (
    Guard(
        name="one visitor, one live place",
        where=_ENTER,
        text="local row, outcome, why = "
        "live_row(room, places, visitor, now, deadline_now), 'held', ''",
        without="local row, outcome, why = nil, 'held', ''",
        invariant="O4",
        test=_SCRIPTS + "test_a_visitor_with_two_tabs_holds_one_place",
    ),
    Guard(
        name="numbers only grow",
        where=_ENTER,
        text="if last_number then "
        "redis.call('HSET', SETTINGS, 'last_number', string.format('%d', last_number)) end",
        without="",
        invariant="O1",
        test=_SCRIPTS + "test_a_token_that_ended_stays_expired_after_its_visitor_joined_again",
    ),
    Guard(
        name="draining and closed rooms take nobody",
        where=_ENTER,
        text="if not joinable then",
        without="if false then",
        invariant="O5",
        test=_SCRIPTS + "test_a_refused_join_leaves_nothing",
    ),
    Guard(
        name="the journal is bounded",
        where=_ENTER,
        text="entries >= journal_max",
        without="false",
        invariant="S3",
        test=_BOUNDS + "test_a_journal_that_is_full_refuses_new_places_and_finds_the_old",
    ),
    Guard(
        name="another run of the store gives numbers far above",
        where="lua/fragments/places.lua",
        text="redis.call('HINCRBY', SETTINGS, 'last_number', LOST_NUMBERS)",
        without="0",
        invariant="S2",
        test=_EDGES
        + "test_another_run_of_the_store_gives_no_number_that_the_last_one_may_have_given",
    ),
    Guard(
        name="the same run of the store goes on where it was",
        where="lua/fragments/places.lua",
        text="if run == room.store_run then return end",
        without="",
        invariant="S2",
        test=_SCRIPTS + "test_numbers_grow_in_the_order_of_joining",
    ),
)

_LIMITS = (
    Guard(
        name="limit of tokens ended by deadline",
        where=_ADMIT,
        text="string.format('%d', deadline_now), 'LIMIT', 0, limit)",
        without="string.format('%d', deadline_now))",
        invariant="S3",
        test=_BOUNDS + "test_the_work_of_one_admission_is_bounded_by_its_limit",
    ),
    Guard(
        name="limit of idle tokens ended",
        where=_ADMIT,
        text="idle_bound, 'LIMIT', 0, limit)",
        without="idle_bound)",
        invariant="S3",
        test=_BOUNDS + "test_the_work_of_one_admission_is_bounded_by_its_limit",
    ),
    Guard(
        name="limit of reasons forgotten",
        where=_ADMIT,
        text="now - 900000), 'LIMIT', 0, limit)",
        without="now - 900000))",
        invariant="S3",
        test=_BOUNDS + "test_the_work_of_one_admission_is_bounded_by_its_limit",
    ),
    Guard(
        name="limit of tokens admitted",
        where=_ADMIT,
        text="quota = math.min(quota, limit)",
        without="",
        invariant="S3",
        test=(
            _BOUNDS + "test_the_work_of_one_admission_is_bounded_by_its_limit",
            _OPERATORS + "test_by_hand_a_round_is_as_bounded_as_any",
        ),
    ),
    Guard(
        name="limit of silent heads passed over",
        where=_ADMIT,
        text="while skips < limit do",
        without="while true do",
        invariant="S3",
        test=_BOUNDS + "test_the_work_of_one_admission_is_bounded_by_its_limit",
    ),
    Guard(
        name="more to end by deadline",
        where=_ADMIT,
        text="if #over == limit then more = 1 end",
        without="",
        invariant="A5",
        test=_BOUNDS + "test_the_rounds_of_one_tick_leave_nothing_undone",
    ),
    Guard(
        name="more idle tokens to end",
        where=_ADMIT,
        text="if #idle == limit then more = 1 end",
        without="",
        invariant="A5",
        test=_BOUNDS + "test_the_rounds_of_one_tick_leave_nothing_undone",
    ),
    Guard(
        name="more to admit",
        where=_ADMIT,
        text="(admitted == limit and not by_hand)",
        without="false",
        invariant="A5",
        test=_BOUNDS + "test_the_rounds_of_one_tick_leave_nothing_undone",
    ),
    Guard(
        name="the pace of the last hour only",
        where=_MOVES,
        text="    redis.call('HDEL', PACE, unpack(old))\n",
        without="",
        invariant="S3",
        test=_BOUNDS + "test_the_pace_is_kept_of_one_hour_only",
    ),
)

GUARDS = (
    *_PACE,
    *_TURN,
    *_JOINING,
    *_LIMITS,
    *lanes.GUARDS,
    *changes.GUARDS,
    *places.GUARDS,
    *journals.GUARDS,
)
