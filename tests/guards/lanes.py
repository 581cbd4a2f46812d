"""Guards of lanes and of what no-shows give back."""

from tests.guards import Guard

_LANES = "tests/integration/test_room_lanes.py::"
_NO_SHOWS = "tests/integration/test_room_no_shows.py::"
_OPERATORS = "tests/integration/test_room_operators.py::"
_ADMIT = "lua/admit.lua"
_CONFIGURE = "lua/configure.lua"
_PLACES = "lua/fragments/places.lua"
_RATE = "lua/fragments/rate.lua"

_TURNS = (
    Guard(
        name="the lane that is furthest behind is next",
        where=_ADMIT,
        text="if not chosen or lane.credit > chosen.credit then chosen = lane end",
        without="chosen = chosen or lane",
        invariant="A5",
        test=(
            _LANES + "test_no_lane_starves",
            _LANES + "test_busy_lanes_share_within_one_in_ten_by_their_weights",
        ),
    ),
    Guard(
        name="a turn is paid for",
        where=_ADMIT,
        text="if chosen then chosen.credit = chosen.credit - given end",
        without="",
        invariant="A5",
        test=_LANES + "test_busy_lanes_share_within_one_in_ten_by_their_weights",
    ),
    Guard(
        name="turns are remembered from tick to tick",
        where=_ADMIT,
        text="if #room.lanes > 1 then redis.call('HSET', SETTINGS, 'lane_credits', "
        "table.concat(turns, ',')) end",
        without="",
        invariant="A5",
        test=_LANES + "test_busy_lanes_share_within_one_in_ten_by_their_weights",
    ),
    Guard(
        name="credits count admissions, not weights",
        where=_ADMIT,
        text="math.floor(lane.weight * ONE_TURN / weights)",
        without="lane.weight",
        invariant="A5",
        test=_LANES + "test_turns_of_a_lane_that_ran_empty_go_to_nobody",
    ),
    Guard(
        name="an empty lane takes no turns",
        where=_ADMIT,
        text="if lane.visitor then weights = weights + lane.weight end",
        without="weights = weights + lane.weight",
        invariant="A5",
        test=_LANES + "test_turns_of_a_lane_that_ran_empty_go_to_nobody",
    ),
    Guard(
        name="lanes that were not looked at lose no turn",
        where=_ADMIT,
        text="if skips >= limit then return nil end",
        without="",
        invariant="A5",
        test=_LANES + "test_idle_heads_of_a_lane_give_its_turns_to_no_other",
    ),
)

_LINES = (
    Guard(
        name="who belongs to no lane has a place in the last",
        where="lua/enter.lua",
        text="return room.lanes[#room.lanes]",
        without="return room.lanes[1]",
        invariant="O2",
        test=_LANES + "test_who_belongs_to_no_lane_waits_in_the_last",
    ),
    Guard(
        name="lanes keep their lines by their names",
        where=_CONFIGURE,
        text="slots[lane.name] = lane.slot end",
        without="slots[''] = 0 end",
        invariant="O3",
        test=_LANES + "test_lanes_in_another_order_keep_who_waits_in_them",
    ),
    Guard(
        name="a last lane of another name keeps its line",
        where=_CONFIGURE,
        text="elseif not last.slot and not taken[last_before.slot] then",
        without="elseif false then",
        invariant="O3",
        test=(
            _LANES + "test_the_last_lane_may_get_another_name",
            _LANES + "test_a_rooms_line_goes_on_in_the_last_of_its_first_lanes_and_back",
        ),
    ),
    Guard(
        name="no lane is taken away in which somebody waits",
        where=_CONFIGURE,
        text="if busy(slot) then return nil end",
        without="",
        invariant="A5",
        test=_LANES + "test_a_lane_in_which_somebody_waits_is_not_taken_away",
    ),
    Guard(
        name="a closing looks at no line",
        where=_CONFIGURE,
        text="return not ends_all and redis.call('ZCARD', LINES[slot]) > 0",
        without="return redis.call('ZCARD', LINES[slot]) > 0",
        invariant="A6",
        test=_LANES + "test_a_closing_ends_all_lanes_and_may_declare_others",
    ),
)

_GIVEN_BACK = (
    Guard(
        name="a no-show gives its admission back",
        where=_PLACES,
        text="if gives_back then give_back(room, now) end",
        without="",
        invariant="A2",
        test=_NO_SHOWS + "test_admissions_less_no_shows_keep_the_rate_and_use_it",
    ),
    Guard(
        name="only where the room compensates",
        where=_RATE,
        text="if room.compensate_no_shows ~= 1 then return end",
        without="",
        invariant="A2",
        test=_NO_SHOWS + "test_a_room_that_does_not_compensate_keeps_the_rate",
    ),
    Guard(
        name="only no-shows give back",
        where=_PLACES,
        text="local gives_back = reason == 'unclaimed' and ",
        without="local gives_back = ",
        invariant="A2",
        test=_NO_SHOWS + "test_who_came_gives_nothing_back",
    ),
    Guard(
        name="who came in by hand gives nothing back",
        where=_PLACES,
        text=" and not let_in_by_hand(visitor)",
        without="",
        invariant="A2",
        test=_NO_SHOWS + "test_no_shows_let_in_by_hand_give_nothing_back",
    ),
    Guard(
        name="at most twice the rate",
        where=_RATE,
        text="if room.returnable < UNIT then return end",
        without="",
        invariant="A2",
        test=_NO_SHOWS + "test_no_more_comes_back_than_the_rate_itself_gives",
    ),
    Guard(
        name="what is given back is spent",
        where=_RATE,
        text="room.returnable = room.returnable - UNIT",
        without="",
        invariant="A2",
        test=_NO_SHOWS + "test_no_more_comes_back_than_the_rate_itself_gives",
    ),
    Guard(
        name="what is given back is not banked",
        where=_RATE,
        text="room.level = math.min(burst_level(room.admit_per_minute), room.level + UNIT)",
        without="room.level = room.level + UNIT",
        invariant="A3",
        test=_NO_SHOWS + "test_what_comes_back_within_a_call_is_not_above_the_burst",
    ),
    Guard(
        name="what may be given back is not banked",
        where=_RATE,
        text="room.returnable = math.min(burst, (room.returnable or 0) + earned)",
        without="room.returnable = (room.returnable or 0) + earned",
        invariant="A2",
        test=_NO_SHOWS + "test_no_more_comes_back_than_the_rate_itself_gives",
    ),
)

_BY_HAND = (
    Guard(
        name="by hand, the cap holds",
        where=_ADMIT,
        text="math.min(slots_left(room), by_hand)",
        without="by_hand",
        invariant="A1",
        test=_OPERATORS + "test_by_hand_nobody_comes_in_above_the_cap",
    ),
    Guard(
        name="by hand, a room that is not open admits nobody",
        where=_ADMIT,
        text="\nif moves then\n",
        without="\nif by_hand or moves then\n",
        invariant="A4",
        test=_OPERATORS + "test_by_hand_nobody_comes_in_while",
    ),
    Guard(
        name="by hand, nothing is taken from the rate",
        where=_ADMIT,
        text="if not by_hand then room.level",
        without="if true then room.level",
        invariant="A5",
        test=_OPERATORS + "test_by_hand_nothing_is_taken_from_the_rate",
    ),
)

GUARDS = (*_TURNS, *_LINES, *_GIVEN_BACK, *_BY_HAND)
