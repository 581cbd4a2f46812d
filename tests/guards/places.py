"""Guards of places: what a token is compared with, when a place ends, what time it is."""

from tests.guards import Guard

_SCRIPTS = "tests/integration/test_room_scripts.py::"
_EDGES = "tests/integration/test_room_edges.py::"
_BOUNDS = "tests/integration/test_room_bounds.py::"
_PLACES = "lua/fragments/places.lua"
_VISITS = "lua/fragments/visits.lua"
_ROOM = "lua/fragments/room.lua"
_ADMIT = "lua/admit.lua"
_CONFIGURE = "lua/configure.lua"
_LEFTOVERS = _BOUNDS + "test_the_end_of_a_place_leaves_nothing_of_it"
_LOST_STORE = _BOUNDS + "test_a_token_from_before_the_store_was_lost_is_no_place_of_today"
_ONE_CLOCK = _BOUNDS + "test_what_a_script_saw_of_the_time_no_other_goes_back_behind"
_REJOINED = _SCRIPTS + "test_a_token_that_ended_stays_expired_after_its_visitor_joined_again"

_COMPARISONS = (
    Guard(
        name="status compares the generation",
        where="lua/status.lua",
        text="generation == room.generation and ",
        without="",
        invariant="X1",
        test=_LOST_STORE,
    ),
    Guard(
        name="status compares the number",
        where="lua/status.lua",
        text=" and place.number == number then",
        without=" then",
        invariant="X1",
        test=_REJOINED,
    ),
    Guard(
        name="finish compares the generation",
        where="lua/finish.lua",
        text="generation == room.generation and ",
        without="",
        invariant="A6",
        test=_LOST_STORE,
    ),
    Guard(
        name="finish compares the number",
        where="lua/finish.lua",
        text="live_number(room, visitor) == number",
        without="live_number(room, visitor)",
        invariant="A6",
        test=_REJOINED,
    ),
    Guard(
        name="a new room's generation is above those that were lost",
        where=_CONFIGURE,
        text="math.max(1, now)",
        without="1",
        invariant="S2",
        test=_LOST_STORE,
    ),
)

_ENDS = (
    *(
        Guard(
            name=f"an end removes a place from {key.lower()}",
            where=_PLACES,
            text=text,
            without="",
            invariant="A6",
            test=_LEFTOVERS,
        )
        for key, text in {
            "WAITING": "for _, lane in ipairs(room.lanes) do "
            "redis.call('ZREM', lane.key, visitor) end",
            "SEEN": "redis.call('ZREM', SEEN, visitor)",
            "ACTIVE": "redis.call('ZREM', ACTIVE, visitor)",
            "HOLDERS": "redis.call('HDEL', HOLDERS, visitor)",
        }.items()
    ),
    Guard(
        name="an end removes a place from claims",
        where=_PLACES,
        text="  redis.call('ZREM', CLAIMS, visitor)\n  redis.call('HDEL'",
        without="  redis.call('HDEL'",
        invariant="A6",
        test=_LEFTOVERS,
    ),
    Guard(
        name="who finds a deadline passed ends the place",
        where=_VISITS,
        text="  if reason then\n",
        without="  if false then\n",
        invariant="A6",
        test=_SCRIPTS + "test_who_finds_a_deadline_passed_ends_the_place_there",
    ),
    Guard(
        name="the tick ends what was not claimed",
        where=_ADMIT,
        text="end_overdue(CLAIMS)",
        without="",
        invariant="A5",
        test=_SCRIPTS + "test_an_unclaimed_place_goes_to_the_next",
    ),
    Guard(
        name="the tick ends what timed out",
        where=_ADMIT,
        text="end_overdue(ACTIVE)",
        without="",
        invariant="A5",
        test=_BOUNDS + "test_the_rounds_of_one_tick_leave_nothing_undone",
    ),
    Guard(
        name="the tick ends who fell silent",
        where=_ADMIT,
        text="\nend_idle()",
        without="\n",
        invariant="A5",
        test=_SCRIPTS + "test_a_silent_visitor_is_idle_and_blocks_nobody",
    ),
    Guard(
        name="the earlier deadline gives the reason",
        where=_PLACES,
        text=" and claim <= expires then",
        without=" then",
        invariant="A6",
        test=_SCRIPTS + "test_of_two_deadlines_passed_the_earlier_gives_the_reason",
    ),
    Guard(
        name="the first ACTIVE answer is the claim",
        where=_VISITS,
        text="  call_with('ZREM', CLAIMS, claiming)\n",
        without="",
        invariant="A7",
        test=_SCRIPTS + "test_a_claimed_place_needs_no_further_sign_of_life",
    ),
    Guard(
        name="a claim is due after the promised poll",
        where=_ADMIT,
        text="local deadline = math.max(now, promised) + ",
        without="local deadline = now + ",
        invariant="A7",
        test=_SCRIPTS + "test_a_claim_is_due_after_the_poll_that_was_promised",
    ),
    Guard(
        name="a claim's deadline is told in the deadline clock",
        where=_ADMIT,
        text=" - (now - deadline_now)",
        without="",
        invariant="A5",
        test=_EDGES + "test_an_outage_does_not_lengthen_what_begins_after_it",
    ),
    Guard(
        name="polls within idle",
        where=_PLACES,
        text="math.min(room.idle_ttl_s * 1000 / 3, room.claim_ttl_s",
        without="math.min(room.claim_ttl_s",
        invariant="A5",
        test=_SCRIPTS + "test_polls_are_promised_within_idle_and_claim",
    ),
    Guard(
        name="polls within claim",
        where=_PLACES,
        text="room.claim_ttl_s * 1000 / 2, LONGEST_POLL_MS)",
        without="LONGEST_POLL_MS)",
        invariant="A5",
        test=_SCRIPTS + "test_polls_are_promised_within_idle_and_claim",
    ),
    Guard(
        name="a promise fits its fraction",
        where=_PLACES,
        text=" / 2, LONGEST_POLL_MS)",
        without=" / 2)",
        invariant="A7",
        test=_EDGES + "test_a_promise_fits_the_longest_line",
    ),
    Guard(
        name="a token keeps its own reason",
        where=_VISITS,
        text="local reason = redis.call('HGET', REASONS, token_id(generation, number))",
        without="local reason",
        invariant="A6",
        test=_EDGES + "test_a_reason_of_ones_own_outlives_the_closing",
    ),
    Guard(
        name="reasons are forgotten",
        where=_ADMIT,
        text="\nforget_ended()",
        without="\n",
        invariant="S3",
        test=_SCRIPTS + "test_reasons_are_kept_ten_minutes_and_forgotten_later",
    ),
)

_TIME = (
    Guard(
        name="the clock never goes back",
        where=_ROOM,
        text="return math.max(now, kept or 0)",
        without="return now",
        invariant="S1",
        test=_ONE_CLOCK,
    ),
    *(
        Guard(
            name=f"{script} keeps the time it saw",
            where=f"lua/{script}.lua",
            text="\nkeep_clock(now)",
            without="\n",
            invariant="S1",
            test=_ONE_CLOCK,
        )
        for script in ("enter", "status", "finish", "admit", "extend")
    ),
    Guard(
        name="configure keeps the time it saw",
        where=_CONFIGURE,
        text="fields.level_at_ms, fields.clock_ms = string.format('%d', level), stamp, stamp",
        without="fields.level_at_ms = string.format('%d', level), stamp",
        invariant="S1",
        test=_ONE_CLOCK,
    ),
    Guard(
        name="only the store's clock decides",
        where="shared/places.py",
        text='    return ""',
        without='    return int(__import__("time").time() * 1000)',
        invariant="S1",
        test=_BOUNDS + "test_a_skewed_clock_of_the_app_server_changes_nothing",
    ),
    Guard(
        name="deadlines stand still while the loop does",
        where=_ROOM,
        text="(gap > OUTAGE_MS and gap or 0)",
        without="0",
        invariant="A6",
        test=_SCRIPTS + "test_nobody_is_timed_out_while_the_loop_stands_still",
    ),
    Guard(
        name="an outage moves deadlines",
        where=_ADMIT,
        text="room.shift_ms, room.heartbeat_ms = room.shift_ms + outage_ms, now",
        without="room.heartbeat_ms = now",
        invariant="A6",
        test=_SCRIPTS + "test_an_outage_moves_deadlines_by_its_length",
    ),
    Guard(
        name="a beat that comes in time is no outage",
        where=_ADMIT,
        text="if outage_ms <= OUTAGE_MS then outage_ms = 0 end",
        without="",
        invariant="A5",
        test=_SCRIPTS + "test_active_time_ends_and_its_slot_goes_on",
    ),
    Guard(
        name="the idle sweep rests after an outage",
        where=_ADMIT,
        text="if outage_ms > 0 then idle_rest_until = "
        "math.max(idle_rest_until, now + room.idle_ttl_s * 1000) end",
        without="",
        invariant="O3",
        test=_SCRIPTS + "test_an_outage_makes_nobody_idle_for_one_idle_ttl",
    ),
    Guard(
        name="an outage shortens no rest",
        where=_ADMIT,
        text="math.max(idle_rest_until, now + room.idle_ttl_s * 1000)",
        without="now + room.idle_ttl_s * 1000",
        invariant="O3",
        test=_EDGES + "test_an_outage_shortens_no_rest_of_the_idle_sweep",
    ),
    Guard(
        name="the idle sweep heeds its rest",
        where=_ADMIT,
        text="if now < idle_rest_until then return end",
        without="",
        invariant="O3",
        test=_SCRIPTS + "test_an_outage_makes_nobody_idle_for_one_idle_ttl",
    ),
    Guard(
        name="a shorter idle_ttl_s heeds what was promised",
        where=_CONFIGURE,
        text="if room and idle_ttl_s < room.idle_ttl_s then",
        without="if false then",
        invariant="O3",
        test=_SCRIPTS + "test_a_shorter_time_of_silence_ends_nobody_who_comes_back_as_told",
    ),
    Guard(
        name="the longest promise counts",
        where=_CONFIGURE,
        text="math.max(kept, rest)",
        without="rest",
        invariant="O3",
        test=_EDGES + "test_two_shorter_times_of_silence_keep_the_first_ones_promises",
    ),
)

GUARDS = (*_COMPARISONS, *_ENDS, *_TIME)
