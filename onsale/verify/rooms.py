"""Reading the live places of rooms, page by page: a big line, or many rooms, hold nobody up."""

from dataclasses import dataclass, field
from typing import Any, cast

import redis.asyncio as redis

from shared.places import LINES, room_keys

PAGE = 5000
#: Asked in one round trip whether anybody is in them.
ROOMS_AT_ONCE = 200
#: Where live places are.
PLACES = ("active", "holders", *LINES)

Rows = list[dict[str, Any]]


@dataclass(slots=True)
class LiveRoom:
    """What is in one room's keys, and what should not be."""

    room_id: str
    places: int = 0
    active: int = 0
    wrong_numbers: Rows = field(default_factory=list)
    double_places: Rows = field(default_factory=list)
    over_cap: Rows = field(default_factory=list)


async def live_rooms(client: "redis.Redis") -> list[LiveRoom]:
    """Every room of the store that has live places. Raises redis errors."""
    names = sorted(str(name) for name in await client.smembers("rooms"))
    found = []
    for at in range(0, len(names), ROOMS_AT_ONCE):
        rooms = names[at : at + ROOMS_AT_ONCE]
        async with client.pipeline(transaction=False) as together:
            for room_id in rooms:
                together.exists(*room_keys(room_id, *PLACES))
            there = await together.execute()
        for room_id in (room_id for room_id, keys in zip(rooms, there, strict=True) if keys):
            async with client.pipeline(transaction=False) as together:
                for key in room_keys(room_id, *PLACES):
                    together.exists(key)
                keys = await together.execute()
            filled = {name for name, is_there in zip(PLACES, keys, strict=True) if is_there}
            found.append(await _read(client, room_id, filled))
    return found


async def _read(client: "redis.Redis", room_id: str, filled: set[str]) -> LiveRoom:
    settings, active_key, holders_key, *lines = room_keys(
        room_id, "settings", "active", "holders", *LINES
    )
    empty = set(room_keys(room_id, *(set(PLACES) - filled)))
    # A place may move while the pages are read: the same visitor twice with one number is no
    # finding, and who seems to stand wrong is asked again in one transaction. It never moves from
    # one lane to another.
    waiting: dict[str, int] = {}
    in_two_lanes: set[str] = set()
    for line in (line for line in lines if line not in empty):
        found = {str(v): int(n) async for v, n in client.zscan_iter(line, count=PAGE)}
        in_two_lanes |= waiting.keys() & found.keys()
        waiting |= found
    active, holders = set[str](), dict[str, int]()
    if not empty.issuperset((active_key, holders_key)):
        active = {str(v) async for v, _ in client.zscan_iter(active_key, count=PAGE)}
        holders = {str(v): int(n) async for v, n in client.hscan_iter(holders_key, count=PAGE)}
    async with client.pipeline(transaction=True) as together:
        together.zcard(active_key)
        together.hmget(settings, "max_active", "cap_grace", "last_number")
        count, kept = cast("tuple[int, list[Any]]", await together.execute())
    max_active, cap_grace, last_number = (int(value or 0) for value in kept)

    room = LiveRoom(room_id, active=count)
    holder_of: dict[int, str] = {}
    for visitor, number in [*waiting.items(), *holders.items()]:
        other = holder_of.setdefault(number, visitor)
        if other != visitor:
            room.wrong_numbers.append(
                {"room_id": room_id, "number": number, "visitors": [other, visitor]}
            )
        elif not 0 < number <= last_number:
            room.wrong_numbers.append(
                {"room_id": room_id, "number": number, "visitor": visitor, "given": last_number}
            )
    room.places = len(holder_of)
    if count > max(max_active, cap_grace):
        room.over_cap.append(
            {"room_id": room_id, "active": count, "cap": max_active, "when_lowered": cap_grace}
        )
    twice = waiting.keys() & (holders.keys() | active) | in_two_lanes
    for visitor in twice | (holders.keys() ^ active):
        async with client.pipeline(transaction=True) as together:
            for line in lines:
                together.zscore(line, visitor)
            together.zscore(active_key, visitor)
            together.hget(holders_key, visitor)
            *scores, expires, number = await together.execute()
        waits = [score for score in scores if score is not None]
        wrong = {"room_id": room_id, "visitor": visitor, "waiting": waits, "holds": number}
        if len(waits) + (expires is not None or number is not None) > 1:
            room.double_places.append(wrong)
        if (expires is None) != (number is None):  # a slot without its place, or the other way
            room.over_cap.append({**wrong, "active_until": expires})
    return room
