"""Guards of what operators do to a room: changing, closing, resetting, deleting, extending it."""

from tests.guards import Guard

_SCRIPTS = "tests/integration/test_room_scripts.py::"
_EDGES = "tests/integration/test_room_edges.py::"
_BOUNDS = "tests/integration/test_room_bounds.py::"
_LANES = "tests/integration/test_room_lanes.py::"
_OPERATORS = "tests/integration/test_room_operators.py::"
_REHEARSAL = _OPERATORS + "test_a_rehearsal_leaves_nothing_in_the_figures"
_CONFIGURE = "lua/configure.lua"
_REMOVE = "lua/remove.lua"
_PLACES = "lua/fragments/places.lua"

_CHANGES = (
    Guard(
        name="closing begins a new generation",
        where="lua/fragments/places.lua",
        text="math.max(room.generation + 1, now)",
        without="room.generation",
        invariant="X1",
        test=_SCRIPTS + "test_closing_ends_every_token_at_once",
    ),
    Guard(
        name="a generation that was forgotten is not begun again",
        where="lua/fragments/places.lua",
        text="math.max(room.generation + 1, now)",
        without="room.generation + 1",
        invariant="S2",
        test=_BOUNDS + "test_a_closing_that_the_store_forgot_gives_no_generation_twice",
    ),
    Guard(
        name="closing ends live places",
        where="lua/fragments/places.lua",
        text="  redis.call('UNLINK', WAITING, WAITING1, WAITING2, WAITING3, SEEN, ACTIVE, CLAIMS, "
        "HOLDERS, CALLED)\n",
        without="",
        invariant="A6",
        test=_SCRIPTS + "test_closing_ends_every_token_at_once",
    ),
    Guard(
        name="closing ends those in lanes, too",
        where="lua/fragments/places.lua",
        text="redis.call('UNLINK', WAITING, WAITING1, WAITING2, WAITING3, SEEN,",
        without="redis.call('UNLINK', WAITING, SEEN,",
        invariant="A6",
        test=_LANES + "test_all_lanes_of_a_reset_room_are_empty",
    ),
    Guard(
        name="a closing removes before it adds",
        where="lua/fragments/places.lua",
        text="  local ended = count_waiting(room) + redis.call('ZCARD', ACTIVE)\n",
        without="  local ended = count_waiting(room) + redis.call('ZCARD', ACTIVE)\n"
        "  redis.call('HINCRBY', SETTINGS, 'counted_' .. reason, 0)\n",
        invariant="O5",
        test=_OPERATORS + "test_a_full_store_lets_places_end_and_rooms_close",
    ),
    Guard(
        name="a reset forgets the numbers and figures",
        where=_CONFIGURE,
        text="    fields.serving_number, fields.last_number = '0', '0'\n"
        "    fields.counted_from = string.format('%d', room.generation)\n",
        without="",
        invariant="O1",
        test=_REHEARSAL,
    ),
    Guard(
        name="a reset forgets the counts",
        where=_CONFIGURE,
        text="    redis.call('HDEL', SETTINGS, unpack(COUNTED))\n",
        without="",
        invariant="O1",
        test=_REHEARSAL,
    ),
    Guard(
        name="a reset forgets the pace",
        where=_CONFIGURE,
        text="    redis.call('DEL', PACE)\n",
        without="",
        invariant="O1",
        test=_REHEARSAL,
    ),
    Guard(
        name="only closed rooms are deleted",
        where=_REMOVE,
        text="if room.state ~= 'closed' then return 'open' end",
        without="",
        invariant="A6",
        test=_OPERATORS + "test_only_a_closed_room_whose_journal_was_moved_is_deleted",
    ),
    Guard(
        name="a room whose journal was not moved is not deleted",
        where=_REMOVE,
        text="redis.call('XLEN', JOURNAL) > 0 or ",
        without="",
        invariant="B11",
        test=_OPERATORS + "test_only_a_closed_room_whose_journal_was_moved_is_deleted",
    ),
    Guard(
        name="a deleted room's generation is over before the next one begins",
        where=_REMOVE,
        text=" or read_clock(given_now) <= room.generation",
        without="",
        invariant="X1",
        test=_OPERATORS + "test_no_token_outlives_a_deletion",
    ),
    Guard(
        name="all keys of a deleted room go",
        where=_REMOVE,
        text="WAITING, WAITING1, WAITING2, WAITING3, SEEN, ACTIVE, CLAIMS, HOLDERS, ENDED, "
        "REASONS,\n  JOURNAL, PACE, CALLED)",
        without="WAITING)",
        invariant="X1",
        test=_OPERATORS + "test_nothing_is_left_of_a_deleted_room",
    ),
    Guard(
        name="a room created meanwhile is not unlisted",
        where="queue_gateway/room.py",
        text='        if await self._client.exists(*room_keys(room_id, "settings")):\n',
        without="        if False:\n",
        invariant="A5",
        test=_OPERATORS + "test_a_room_created_while_its_predecessor_is_deleted_is_listed",
    ),
    Guard(
        name="a room unlisted meanwhile is listed",
        where="queue_gateway/room.py",
        text='        elif outcome == "created":',
        without='        elif outcome == "never":',
        invariant="A5",
        test=_OPERATORS + "test_a_room_unlisted_while_it_is_created_is_listed",
    ),
    Guard(
        name="a listed room is only asked for",
        where="queue_gateway/room.py",
        text="        if not await self._client.sismember(REGISTRY, room_id):\n",
        without="        if True:\n",
        invariant="O5",
        test=_OPERATORS + "test_a_full_store_lets_places_end_and_rooms_close",
    ),
    Guard(
        name="a closed room is closed once",
        where=_CONFIGURE,
        text=" and room.state ~= 'closed'",
        without="",
        invariant="A6",
        test=_EDGES + "test_closing_a_closed_room_changes_no_generation",
    ),
    Guard(
        name="one version, one change",
        where=_CONFIGURE,
        text="if version and expected ~= '*' and expected ~= version then",
        without="if false then",
        invariant="O5",
        test=_SCRIPTS + "test_one_version_takes_one_change",
    ),
    Guard(
        name="a version of no room creates none",
        where=_CONFIGURE,
        text="if not version and expected ~= '*' and expected ~= 'none' then",
        without="if false then",
        invariant="O5",
        test=_EDGES + "test_a_room_that_is_not_there_is_neither_changed_nor_listed",
    ),
    Guard(
        name="those ACTIVE when the cap was lowered are remembered",
        where=_CONFIGURE,
        text="active > cap and active or 0",
        without="0",
        invariant="A1",
        test=_EDGES + "test_a_lowered_cap_is_remembered_with_those_it_found",
    ),
)

_LOOKS = (
    Guard(
        name="an extension moves deadlines",
        where="lua/extend.lua",
        text="room.shift_ms + more_ms",
        without="room.shift_ms",
        invariant="A7",
        test=_OPERATORS + "test_an_extension_gives_who_is_in_more_time_and_later_ones_no_more",
    ),
    Guard(
        name="a look shows no place that is over",
        where="lua/look.lua",
        text="if not reason then",
        without="if true then",
        invariant="A7",
        test=_OPERATORS + "test_a_look_changes_nothing",
    ),
    Guard(
        name="the first in line find out soon that it moved",
        where="lua/fragments/visits.lua",
        text="math.min(expected_ms / 10, (position - 1) * NEAR_POLL_MS)",
        without="expected_ms / 10",
        invariant="A5",
        test=_EDGES + "test_however_slowly_the_line_moves_its_first_find_out_soon",
    ),
)

GUARDS = (*_CHANGES, *_LOOKS)
