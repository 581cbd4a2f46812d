"""Reading the live places of rooms, page by page, so that a big line holds nobody up."""

from dataclasses import dataclass, field
from typing import Any, cast

import redis.asyncio as redis

from shared.places import room_keys

PAGE = 5000


@dataclass(slots=True)
class LiveRoom:
    """What is in one room's keys, and what should not be."""

    room_id: str
    places: int = 0
    active: int = 0
    shared_numbers: list[dict[str, Any]] = field(default_factory=list)
    double_places: list[dict[str, Any]] = field(default_factory=list)
    over_cap: list[dict[str, Any]] = field(default_factory=list)


async def live_rooms(client: "redis.Redis") -> list[LiveRoom]:
    """Every room of the store. Raises redis errors."""
    names = sorted(str(name) for name in await client.smembers("rooms"))
    return [await _read(client, room_id) for room_id in names]


async def _read(client: "redis.Redis", room_id: str) -> LiveRoom:
    settings, waiting, active, holders = room_keys(
        room_id, "settings", "waiting", "active", "holders"
    )
    room = LiveRoom(room_id)
    holder_of: dict[int, str] = {}
    # A place may move while the pages are read: the same visitor twice with one number is no
    # finding, and a suspect is asked again in one transaction.
    async for visitor, score in client.zscan_iter(waiting, count=PAGE):
        _note(room, holder_of, str(visitor), int(score))
    async for visitor, number in client.hscan_iter(holders, count=PAGE):
        if await _twice(client, waiting, holders, str(visitor)):
            room.double_places.append({"room_id": room_id, "visitor": visitor, "in": "both"})
        _note(room, holder_of, str(visitor), int(number))
    room.places = len(holder_of)
    async with client.pipeline(transaction=True) as together:
        together.zcard(active)
        together.hlen(holders)
        together.hmget(settings, "max_active", "cap_grace")
        room.active, held, caps = cast("tuple[int, int, list[Any]]", await together.execute())
    cap = max(int(caps[0] or 0), int(caps[1] or 0))
    if room.active > cap or room.active != held:
        room.over_cap.append(
            {"room_id": room_id, "active": room.active, "holders": held, "cap": cap}
        )
    return room


def _note(room: LiveRoom, holder_of: dict[int, str], visitor: str, number: int) -> None:
    other = holder_of.setdefault(number, visitor)
    if other != visitor:
        room.shared_numbers.append(
            {"room_id": room.room_id, "number": number, "visitors": [other, visitor]}
        )


async def _twice(client: "redis.Redis", waiting: str, holders: str, visitor: str) -> bool:
    async with client.pipeline(transaction=True) as together:
        together.zscore(waiting, visitor)
        together.hget(holders, visitor)
        places = await together.execute()
    return None not in places
