"""Rooms: their settings, their public state, and the places they give."""

import asyncio
import re
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import msgspec
import redis.asyncio as redis
from aiohttp import web
from msgspec import UNSET, Meta, Struct, UnsetType

from queue_gateway.answers import OperatorsRoom, Room, State, Wait
from queue_gateway.settings import JOURNAL_MAX
from shared.errors import NotFound, RoomClosed, Unavailable
from shared.places import (
    JOURNAL,
    ROOM_KEYS,
    Clock,
    Status,
    room_keys,
    store_clock,
    timestamp,
)
from shared.scripts import Script
from shared.shapes import ROOM_ID_PATTERN
from shared.tokens import Place

#: The registry of rooms, a set. Not in any room's hash tag: no script touches it.
REGISTRY = "rooms"

ROOM_ID = re.compile(ROOM_ID_PATTERN)

DEFAULTS: dict[str, Any] = {
    "title": "",
    "state": "open",
    "opens_at_ms": "",
    "max_active": 100,
    "admit_per_minute": 600,
    "active_ttl_s": 300,
    "claim_ttl_s": 60,
    "idle_ttl_s": 900,
}

#: Room-wide figures may be a second old; half of it is spent here, the other half by CDNs.
VIEW_AGE_S = 0.5
PACE_SLOT_MS = 10_000

Seconds = Annotated[int, Meta(ge=1, le=86_400)]


class RoomChanges(Struct, forbid_unknown_fields=True):
    """Settings of a room; a field left out keeps its value."""

    title: Annotated[str, Meta(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*\Z")] | UnsetType = UNSET
    state: State | UnsetType = UNSET
    opens_at: Annotated[datetime, Meta(tz=True)] | None | UnsetType = UNSET
    max_active: Annotated[int, Meta(ge=0, le=1_000_000)] | UnsetType = UNSET
    admit_per_minute: Annotated[int, Meta(ge=0, le=6_000_000)] | UnsetType = UNSET
    active_ttl_s: Seconds | UnsetType = UNSET
    claim_ttl_s: Seconds | UnsetType = UNSET
    idle_ttl_s: Seconds | UnsetType = UNSET

    def fields(self) -> dict[str, Any]:
        """As the store keeps them."""
        found = {k: v for k, v in msgspec.structs.asdict(self).items() if v is not UNSET}
        if "opens_at" in found:
            opens_at = found.pop("opens_at")
            found["opens_at_ms"] = "" if opens_at is None else int(opens_at.timestamp() * 1000)
        return found


@dataclass(frozen=True, slots=True)
class RoomView:
    """A room's settings and figures at one moment of the store's clock."""

    room_id: str
    now_ms: int
    waiting: int
    active: int
    settings: dict[str, str]
    pace: dict[int, int]

    def admitted(self, slots: int) -> int:
        """Admissions of the last `slots` times ten seconds, the running one included."""
        last = self.now_ms // PACE_SLOT_MS
        return sum(n for slot, n in self.pace.items() if last - slots < slot <= last)

    def public(self) -> Room:
        """What everybody may see."""
        return Room(**self._figures())

    def operator(self) -> OperatorsRoom:
        """The settings under the names of PUT, plus version, and the public figures."""
        numbers = ("max_active", "admit_per_minute", "active_ttl_s", "claim_ttl_s", "idle_ttl_s")
        settings: dict[str, Any] = {name: int(self.settings[name]) for name in numbers}
        return OperatorsRoom(**self._figures(), **settings, version=self.version)

    @property
    def version(self) -> int:
        return int(self.settings["version"])

    def eta_s(self, position: int) -> Wait | None:
        """The wait for a place, from the admissions of the last minutes; None if none was seen."""
        admitted = self.admitted(30)
        first = min((slot for slot, n in self.pace.items() if n), default=None)
        if not admitted or first is None or self.settings["state"] not in ("open", "draining"):
            return None
        measured_ms = min(self.now_ms - first * PACE_SLOT_MS, 30 * PACE_SLOT_MS)
        expected_s = position * max(measured_ms, 1000) / 1000 / admitted
        return Wait(low=int(expected_s * 0.6), high=int(expected_s * 1.6) + 1)

    def _figures(self) -> dict[str, Any]:
        opens_at_ms = self.settings["opens_at_ms"]
        return {
            "room_id": self.room_id,
            "title": self.settings["title"],
            "state": self.settings["state"],
            "opens_at": timestamp(int(opens_at_ms)) if opens_at_ms else None,
            "serving_number": int(self.settings["serving_number"]),
            "waiting": self.waiting,
            "active": self.active,
            "admitted_per_minute": self.admitted(6),
        }


@dataclass(frozen=True, slots=True)
class Entered:
    """A visitor's place after a join; `new` when this very join made it."""

    place: Place
    status: Status
    new: bool


class Rooms:
    """All rooms of one store."""

    def __init__(self, client: "redis.Redis", clock: Clock = store_clock):
        self._client = client
        self._clock = clock
        self._enter = Script(client, "enter")
        self._admit = Script(client, "admit")
        self._configure = Script(client, "configure")
        self._view = Script(client, "view")
        self._views: dict[str, tuple[float, asyncio.Future[RoomView]]] = {}

    async def enter(self, room_id: str, visitor: str) -> Entered:
        """Join. Raises NotFound, RoomClosed, Unavailable (journal full) or redis errors."""
        found = await self._enter(_keys(room_id), [self._clock(), JOURNAL_MAX, visitor])
        if found is None:
            raise NotFound("There is no such room.")
        waiting, ((outcome, *row),) = found
        if outcome == "closed":
            raise RoomClosed
        if outcome == "busy":
            raise Unavailable("The line cannot be written down fast enough.", retry_after_s=5)
        place = Place(room_id, visitor, generation=int(row[1]), number=int(row[0]))
        return Entered(place, Status.parse(row[2:], int(waiting)), outcome == "new")

    async def admit(self, room_id: str, limit: int) -> tuple[int, int, int, bool] | None:
        """One round: (admitted, ended, outage_ms, whether work is left); None for no such room."""
        found = await self._admit(_keys(room_id), [self._clock(), limit])
        if found is None:
            return None
        admitted, ended, outage_ms, more = (int(value) for value in found)
        return admitted, ended, outage_ms, bool(more)

    async def configure(
        self, room_id: str, changes: dict[str, Any], expected: str = "*", *, reset: bool = False
    ) -> tuple[str, int]:
        """Create or change a room.

        `changes`: fields of `RoomChanges.fields()`. `expected`: a version, '*' for any or none,
        'none' for a room that must not exist. Returns (created | changed | conflict | missing,
        version). Raises redis errors.
        """
        if not ROOM_ID.fullmatch(room_id):
            raise NotFound("A room_id is 1 to 63 of a-z, 0-9, '-' and '_'.")
        args: list[Any] = [self._clock(), expected, int(reset), len(changes)]
        for field, value in [*changes.items(), *DEFAULTS.items()]:
            args += [field, value]
        # Listed before it exists: a room that no loop knows would admit nobody.
        await self._client.sadd(REGISTRY, room_id)
        outcome, version = await self._configure(_keys(room_id), args)
        self._views.pop(room_id, None)
        if outcome == "missing":
            await self._client.srem(REGISTRY, room_id)
        return str(outcome), int(version)

    async def names(self) -> list[str]:
        """All room ids, sorted."""
        return sorted(str(name) for name in await self._client.smembers(REGISTRY))

    async def view(self, room_id: str) -> RoomView:
        """A room right now. Raises NotFound."""
        found = await self._view(_keys(room_id), [self._clock()])
        if found is None:
            raise NotFound("There is no such room.")
        now_ms, waiting, active, settings, pace = found
        pairs = iter(settings)
        slots = iter(pace)
        return RoomView(
            room_id=room_id,
            now_ms=int(now_ms),
            waiting=int(waiting),
            active=int(active),
            settings=dict(zip(pairs, pairs, strict=True)),
            pace={int(slot): int(n) for slot, n in zip(slots, slots, strict=True)},
        )

    async def recent_view(self, room_id: str) -> RoomView:
        """The same, begun at most half a second ago. Raises NotFound.

        Whoever asks while it is being read waits for that reading: hundreds of requests of one
        moment would otherwise each begin their own.
        """
        known = self._views.get(room_id)
        if known is None or time.monotonic() - known[0] >= VIEW_AGE_S:
            known = (time.monotonic(), asyncio.ensure_future(self.view(room_id)))
            self._views[room_id] = known
            known[1].add_done_callback(lambda done: self._forget_failed(room_id, done))
        # One request that is gone must not take the reading away from the others.
        return await asyncio.shield(known[1])

    def _forget_failed(self, room_id: str, reading: "asyncio.Future[RoomView]") -> None:
        """What failed is begun anew, and names of rooms that do not exist take no memory."""
        known = self._views.get(room_id)
        if (reading.cancelled() or reading.exception()) and known and known[1] is reading:
            del self._views[room_id]


def _keys(room_id: str) -> list[str]:
    return room_keys(room_id, *ROOM_KEYS, JOURNAL, "pace")


ROOMS = web.AppKey("rooms", Rooms)
