"""Seat maps, served from memory: halls that the process keeps, and reads on for those who ask.

A whole hall is read once. After that one reading of its changes serves everybody who asks while it
is young enough: never more than half a second, and in a small hall, whose reading costs next to
nothing, only those who asked before it began.
"""

import asyncio
import gzip
import hashlib
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg
from aiohttp import web

from booking_api.database import Sale
from booking_api.hall import Hall
from booking_api.map_views import Views
from booking_api.money import Currency
from booking_api.seating import BestAvailable, candidates
from shared.errors import NotFound

#: How old a reading may be when it is shown, for each seat above a small hall's, and at most:
#: reading the changes of 50,000 seats takes PostgreSQL some 10 ms, which is 2 % of this.
SMALL, AGE_S_PER_SEAT, MOST_AGE_S = 1_000, 10e-6, 0.5
#: How long the database rests between readings that must not be old at all.
REST_S_PER_SEAT = 1e-6
#: For a whole hall, in the middle of a rush.
WHOLE_DEADLINE_S = 20
#: Seats of a hall that are turned into a map without leaving the loop.
AT_ONCE = 2_000

#: A map of several KiB is compressed for whoever takes that, at a level that costs little.
LEAST_GZIPPED, GZIP_LEVEL = 2_048, 2


@dataclass(frozen=True, slots=True)
class SeatMap:
    """A seat map, rendered. `etag` is of the seats alone: `version` moves without them."""

    body: bytes
    etag: str
    gzipped: bool = False


class SeatMaps:
    """The seat maps of all dates; the most recently asked for are kept."""

    #: Dates, and seats of all of them; a seat takes about half a KiB.
    KEPT, SEATS_KEPT = 64, 500_000

    def __init__(self, sale: Sale, currency: Currency):
        self._sale = sale
        self.views = Views(currency)
        self._kept: OrderedDict[int, _Kept] = OrderedDict()

    async def read(
        self, schedule_id: int, since: int | None, *, compact: bool = False, gzipped: bool = False
    ) -> SeatMap:
        """All seats as they are now, or at least those changed since a version. Raises NotFound."""
        hall = await self.hall(schedule_id, since=since or 0)
        views = self.views
        if since is None or not hall.knows(since):
            name, render = ("c.", views.compact) if compact else ("", views.whole)
            body, etag = render(hall), f'W/"{name}{hall.etag}"'
            if gzipped and len(body) >= LEAST_GZIPPED:
                return SeatMap(await _gzipped(hall, body, name), etag, gzipped=True)
            return SeatMap(body, etag)
        body = views.compact_changes(hall, since) if compact else views.changes(hall, since)
        seats = body.partition(b'"layout"' if compact else b'"seats"')[2]
        return SeatMap(body, f'W/"{hashlib.blake2b(seats, digest_size=12).hexdigest()}"')

    async def candidates(
        self, schedule_id: int, wanted: BestAvailable, *, fresh: bool = False
    ) -> list[list[int]]:
        """Free seats (concert_seat_id) that would do, the best first; none when there are none.

        By the date's own rule about orphans. They are guesses: whoever holds them judges them
        again, and asks again, for `fresh` ones, when all of them are gone. Raises NotFound.
        """
        hall = await self.hall(schedule_id, fresh=fresh)
        return candidates(hall.rows, wanted, avoid_orphans=hall.avoid_orphans)

    def taken(self, schedule_id: int, seat_ids: Sequence[int]) -> None:
        """These seats were just held: do not offer them before the hall is read again."""
        kept = self._kept.get(schedule_id)
        if kept is not None and kept.hall is not None:
            kept.hall.take(seat_ids)

    async def hall(self, schedule_id: int, *, since: int = 0, fresh: bool = False) -> Hall:
        """The hall as it was a moment ago, not before version `since`. Raises NotFound.

        `fresh`: as it is now.
        """
        kept = self._kept.get(schedule_id)
        if kept is None:  # there before it is read, so that a crowd's first requests share that
            kept = self._kept[schedule_id] = _Kept(schedule_id, self._sale, self.views)
        try:
            hall = await kept.read(since, fresh=fresh)
        except NotFound:
            self._kept.pop(schedule_id, None)
            raise
        if schedule_id in self._kept:
            self._kept.move_to_end(schedule_id)
        self._forget_old()
        return hall

    def _forget_old(self) -> None:
        seats = sum(kept.seats for kept in self._kept.values())
        while len(self._kept) > self.KEPT or (seats > self.SEATS_KEPT and len(self._kept) > 1):
            _, old = self._kept.popitem(last=False)
            seats -= old.seats


async def _gzipped(hall: Hall, body: bytes, name: str) -> bytes:
    """Compressed once for as long as the hall stays as it is, beside the loop."""
    key = ("gzip", name)
    if key not in hall.rendered:
        work = asyncio.to_thread(gzip.compress, body, GZIP_LEVEL)
        hall.rendered[key] = asyncio.create_task(work)
    return bytes(await asyncio.shield(hall.rendered[key]))


class _Kept:
    """One date's hall in this process. One reading at a time; those who ask meanwhile share it."""

    def __init__(self, schedule_id: int, sale: Sale, views: Views) -> None:
        self._schedule_id = schedule_id
        self._sale = sale
        self._views = views
        self.hall: Hall | None = None
        self._begun = float("-inf")  # the last reading that ended well
        self._reading: asyncio.Task[Hall] | None = None
        self._reading_begun = float("-inf")

    @property
    def seats(self) -> int:
        return 0 if self.hall is None else len(self.hall.seats)

    async def read(self, since: int, *, fresh: bool) -> Hall:
        """A hall whose reading began not longer ago than it may. Raises as reading it does."""
        asked = time.monotonic()
        while True:
            oldest = asked - self._may_be_old(since, fresh=fresh)
            if self.hall is not None and self._begun >= oldest:
                return self.hall
            if self._reading is None and time.monotonic() < self._rested_at:
                await asyncio.sleep(self._rested_at - time.monotonic())
                continue
            reading = self._reading or self._begin()
            if self._reading_begun >= oldest:
                return await asyncio.shield(reading)
            await asyncio.wait([reading])

    @property
    def _rested_at(self) -> float:
        """No reading begins before: those that must be fresh come in any number."""
        return self._begun + self.seats * REST_S_PER_SEAT

    def _may_be_old(self, since: int, *, fresh: bool) -> float:
        if self.hall is None or fresh or since > self.hall.version:
            return 0.0
        return min(max(0, self.seats - SMALL) * AGE_S_PER_SEAT, MOST_AGE_S)

    def _begin(self) -> "asyncio.Task[Hall]":
        self._reading_begun = time.monotonic()
        reading = self._reading = asyncio.create_task(self._read())
        # Whoever waits for it may be gone before it fails.
        reading.add_done_callback(lambda task: task.cancelled() or task.exception())
        return reading

    async def _read(self) -> Hall:
        begun = self._reading_begun
        try:
            self.hall = await self._followed() or await self._whole()
        finally:
            self._reading = None
        self._begun = begun
        return self.hall

    async def _followed(self) -> Hall | None:
        """The same hall with the changes since the last reading; None where they do not do."""
        hall = self.hall
        if hall is None:
            return None
        rows = await self._rows(hall.version, hall.snapshot)
        if not hall.fits(rows):
            return None
        hall.follow(rows)
        return hall

    async def _whole(self) -> Hall:
        rows = await self._rows(None, None, WHOLE_DEADLINE_S)
        if len(rows) <= AT_ONCE:
            return self._made(rows)
        return await asyncio.to_thread(self._made, rows)

    def _made(self, rows: "list[asyncpg.Record]") -> Hall:
        hall = Hall(self._schedule_id, rows)
        self._views.prepare(hall)
        return hall

    async def _rows(
        self, since: int | None, snapshot: str | None, deadline_s: int | None = None
    ) -> "list[asyncpg.Record]":
        rows = await self._sale.rows(
            "seat_map", self._schedule_id, since, snapshot, deadline_s=deadline_s
        )
        if not rows:
            raise NotFound
        return rows


SEAT_MAPS = web.AppKey("seat_maps", SeatMaps)
