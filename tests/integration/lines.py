"""A room on a real store, with a clock that the test turns."""

from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis

from queue_gateway.room import Entered, Rooms, _keys
from shared.places import Places, Status, room_keys
from shared.scripts import Script
from shared.tokens import Place

ROOM = "spring-tour"
NO_DATES = '{"currency":"USD","schedules":[],"more_schedules":0}'


@dataclass
class Line:
    """One room under test; `now_ms` is the time that its store is told."""

    client: Redis
    now_ms: Any = 1_800_000_000_000
    counts: int = 0
    rooms: Rooms = field(init=False)
    places: Places = field(init=False)

    def __post_init__(self) -> None:
        self.rooms = Rooms(self.client, clock=lambda: self.now_ms)
        self.places = Places(self.client, clock=lambda: self.now_ms)

    async def configure(self, **changes: Any) -> tuple[str, int]:
        return await self.rooms.configure(ROOM, changes)

    async def enter(self, visitor: str, lane: str = "") -> Entered:
        return await self.rooms.enter(ROOM, visitor, lane)

    async def crowd(self, count: int, prefix: str = "v") -> list[Entered]:
        return [await self.enter(f"{prefix}{n}") for n in range(count)]

    async def enter_many(self, *visitors: str, journal_max: int = 1_000_000) -> list[list[Any]]:
        """Join in one call of the script; its rows."""
        args = [self.now_ms, journal_max, *(part for visitor in visitors for part in (visitor, ""))]
        *_, rows = await Script(self.client, "enter")(_keys(ROOM), args)
        return list(rows)

    async def throng(self, count: int, prefix: str = "v") -> list[Place]:
        """The same for a crowd that gets in line: its places."""
        rows = await self.enter_many(*(f"{prefix}{n}" for n in range(count)))
        return [Place(ROOM, f"{prefix}{n}", row[2], row[1]) for n, row in enumerate(rows)]

    async def join(self, lane: str, count: int) -> list[Entered]:
        """So many visitors, named after their lane."""
        return [await self.enter(f"{lane}{n}", lane) for n in range(count)]

    async def admissions(self) -> list[str]:
        """Who was admitted so far, in that order; the journal holds every change of a token."""
        entries: Any = await self.client.xrange(room_keys(ROOM, "journal")[0])
        return [entry["v"] for _, entry in entries if entry["s"] == "ACTIVE"]

    async def ends(self, reason: str) -> int:
        """How many places ended for this reason so far."""
        entries: Any = await self.client.xrange(room_keys(ROOM, "journal")[0])
        return sum(entry.get("r") == reason for _, entry in entries)

    async def dump(self) -> list[bytes | None]:
        """All keys of the room as they are."""
        return [await self.client.dump(key) for key in _keys(ROOM)]

    async def status(self, entered: Entered) -> Status:
        return await self.places.status(entered.place)

    async def admit(self, limit: int = 1000, by_hand: int | None = None) -> int:
        """One tick, or so many let in by hand; how many were admitted."""
        done = await self.rooms.admit(ROOM, limit, by_hand)
        assert done is not None
        return done.admitted

    async def seats(
        self, available: int, reserved: int, sold: int, *, late: int = 0, served: Any = ()
    ) -> list[Any]:
        """Tell the room a count of its seats, made so many counts ago; what the script says."""
        self.counts += 1
        version = self.counts - late
        figures = [available, reserved, sold, NO_DATES]
        generation = (await self.rooms.view(ROOM)).settings["generation"]
        args = [self.now_ms, version, *figures, generation, *served]
        return list(await Script(self.client, "sell")(_keys(ROOM), args))

    async def nothing_on_sale(self) -> None:
        args = [self.now_ms, "", 0, 0, 0, "", 0]
        await Script(self.client, "sell")(_keys(ROOM), args)

    async def tick(self, limit: int) -> int:
        """What the loop does each time: rounds until no work is left; how many were admitted."""
        admitted, more = 0, True
        while more:
            done = await self.rooms.admit(ROOM, limit)
            assert done is not None
            admitted, more = admitted + done.admitted, done.more
        return admitted

    async def wait(self, seconds: float) -> None:
        """Let time pass as it does in life: the loop beats five times a second."""
        until = self.now_ms + int(seconds * 1000)
        while self.now_ms < until:
            self.now_ms = min(until, self.now_ms + 200)
            await self.admit()

    async def silence(self, seconds: float) -> None:
        """Let time pass while nothing of ours runs: an outage."""
        self.now_ms += int(seconds * 1000)

    async def keep_alive(self, *entered: Entered, seconds: float) -> None:
        """Let time pass while these visitors poll as told."""
        until = self.now_ms + int(seconds * 1000)
        while self.now_ms < until:
            for one in entered:
                await self.status(one)
            await self.wait(0.2)
