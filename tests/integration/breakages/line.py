"""Breaking the line: O1, O4 and A1, in the journal's table and in Redis."""

from tests.integration.breakages.breakage import Breakage, Command, drop

_SETTINGS, _WAITING, _WAITING1, _ACTIVE, _HOLDERS = (
    f"{{room:room-a}}:{name}" for name in ("settings", "waiting", "waiting1", "active", "holders")
)

_ROOMY: Command = ("HSET", _SETTINGS, "max_active", 5, "last_number", 9)


def _token(visitor: str, number: int, *, status: str = "WAIT", token: str = "") -> str:
    """A token of the room's generation, journaled."""
    value = f"'{token}'" if token else f"concat('room-a.', generation, '.{number}')"
    return (
        "INSERT INTO queue (token_value, room_id, generation, number, visitor, status)"
        f" SELECT {value}, 'room-a', generation, {number}, '{visitor}', '{status}'"
        " FROM queue WHERE visitor = 'cat';"
    )


ORDER = (
    Breakage(
        "O1",
        "two tokens with one number",
        drop("queue", "queue_number_once") + _token("dan", 2, status="EXPIRED", token="other"),
        shows="'dan'",
    ),
    Breakage(
        "O1",
        "one token twice",
        drop("queue", "queue_number_once", "queue_token_value_key")
        + "INSERT INTO queue (token_value, room_id, generation, number, visitor, status)"
        " SELECT token_value, room_id, generation, number, visitor, status FROM queue"
        " WHERE visitor = 'cat';",
        shows="['cat', 'cat']",
        also=("O4",),  # both rows are live
    ),
    Breakage(
        "O1",
        "a token that says another number",
        "UPDATE queue SET token_value = 'room-a.1.9' WHERE visitor = 'cat';",
        shows="room-a.1.9",
    ),
    Breakage("O1", "a number no store gives", _token("dan", 0), shows="'dan'"),
    Breakage(
        "O1",
        "two waiting with one number",
        redis=(("ZADD", _WAITING, 3, "dan"),),
        shows="'dan'",
    ),
    Breakage(
        "O1",
        "waiting with the number of somebody admitted",
        redis=(("ZADD", _WAITING, 2, "dan"),),
        shows="'dan'",
    ),
    Breakage(
        "O1",
        "two admitted with one number",
        redis=(_ROOMY, ("HSET", _HOLDERS, "dan", 2), ("ZADD", _ACTIVE, 9e15, "dan")),
        shows="'dan'",
    ),
    Breakage(
        "O1",
        "a number that was not given yet",
        redis=(("ZADD", _WAITING, 4, "dan"),),
        shows="'number': 4",
    ),
    Breakage(
        "O1",
        "a store that counts anew",
        redis=(("HSET", _SETTINGS, "last_number", 2),),
        shows="'cat'",
    ),
    Breakage("O4", "two tokens waiting", _token("cat", 4), shows="'cat'"),
    Breakage("O4", "admitted, and waiting again", _token("bob", 4), shows="'bob'"),
    Breakage(
        "O4",
        "waiting and admitted with two numbers",
        redis=(_ROOMY, ("ZADD", _WAITING, 4, "bob")),
        shows="'bob'",
    ),
    Breakage(
        "O4",
        "waiting and admitted with one number",
        redis=(("ZADD", _WAITING, 2, "bob"),),
        shows="'bob'",
    ),
    *(
        Breakage(
            "O4",
            f"waiting in two lanes with {numbers}",
            redis=(_ROOMY, ("ZADD", _WAITING1, number, "cat")),
            shows="'cat'",
        )
        for numbers, number in {"one number": 3, "two numbers": 4}.items()
    ),
    Breakage(
        "O4",
        "waiting in a lane and admitted",
        redis=(_ROOMY, ("ZADD", _WAITING1, 4, "bob")),
        shows="'bob'",
    ),
    Breakage(
        "O1",
        "waiting in two lanes with one number",
        redis=(_ROOMY, ("ZADD", _WAITING1, 3, "dan")),
        shows="'dan'",
    ),
    Breakage(
        "O4",
        "waiting with a slot",
        redis=(_ROOMY, ("ZADD", _ACTIVE, 9e15, "cat")),
        shows="'cat'",
        also=("A1",),  # that slot has no place
    ),
)

ADMISSION = (
    Breakage(
        "A1",
        "admitted above the cap",
        "UPDATE queue SET active_after = active_cap + 1 WHERE visitor = 'ann';",
        shows=".1'",
    ),
    Breakage(
        "A1",
        "admitted without saying how many there were",
        "UPDATE queue SET active_after = NULL WHERE visitor = 'bob';",
        shows="'active_after': None",
    ),
    Breakage(
        "A1",
        "admitted without a cap",
        "UPDATE queue SET active_cap = NULL WHERE visitor = 'bob';",
        shows="'active_cap': None",
    ),
    Breakage(
        "A1",
        "ACTIVE without an admission",
        "UPDATE queue SET status = 'ACTIVE', active_after = 1, active_cap = 1"
        " WHERE visitor = 'cat';",
        shows="'admitted_at': None",
    ),
    Breakage(
        "A1",
        "more slots than the cap",
        redis=(
            ("HSET", _SETTINGS, "last_number", 4),
            ("HSET", _HOLDERS, "dan", 4),
            ("ZADD", _ACTIVE, 9e15, "dan"),
        ),
        shows="'active': 2, 'cap': 1",
    ),
    Breakage(
        "A1",
        "a cap lowered past the script",
        redis=(("HSET", _SETTINGS, "max_active", 0),),
        shows="'active': 1, 'cap': 0",
    ),
    Breakage("A1", "a slot without a place", redis=(("HDEL", _HOLDERS, "bob"),), shows="'bob'"),
    Breakage("A1", "a place without a slot", redis=(("ZREM", _ACTIVE, "bob"),), shows="'bob'"),
    Breakage(
        "A1",
        "as many slots as places, of others",
        redis=(("ZREM", _ACTIVE, "bob"), ("ZADD", _ACTIVE, 9e15, "dan")),
        shows="'dan'",
    ),
)
