"""Guards of the line: the Lua scripts."""

from tests.guards import Guard

_SCRIPTS = "tests/integration/test_room_scripts.py::"

GUARDS = (
    Guard(
        name="cap",
        where="lua/fragments/admission.lua",
        text="return math.min(room.max_active - redis.call('ZCARD', ACTIVE), "
        "math.floor(level / UNIT))",
        without="return math.floor(level / UNIT)",
        invariant="A1",
        test=_SCRIPTS + "test_the_cap_is_never_exceeded",
    ),
    Guard(
        name="rate",
        where="lua/fragments/admission.lua",
        text="return math.min(room.max_active - redis.call('ZCARD', ACTIVE), "
        "math.floor(level / UNIT))",
        without="return room.max_active - redis.call('ZCARD', ACTIVE)",
        invariant="A2",
        test=_SCRIPTS + "test_admissions_keep_the_rate_and_its_burst",
    ),
)
