"""Seat maps: whole ones kept up to date in the process, and changes since a version.

A whole map is read once; after that each request asks for the changes alone, so that it is as fresh
as a full read, and five thousand seats are not fetched and rendered again for each visitor.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import asyncpg
import orjson
from aiohttp import web

from booking_api.database import Sale
from booking_api.money import Currency
from booking_api.seat_rows import LETTERS, Row
from booking_api.seating import BestAvailable, candidates
from shared.errors import NotFound


@dataclass(frozen=True, slots=True)
class SeatMap:
    """A seat map, rendered. `etag` is of the seats alone: `version` moves without them."""

    body: bytes
    etag: str


class SeatMaps:
    """The seat maps of all dates; the most recently asked for are kept."""

    KEPT = 64

    def __init__(self, sale: Sale, currency: Currency):
        self._sale = sale
        self._currency = currency
        self._price_text = cache(currency.text)
        self._kept: OrderedDict[int, _Kept] = OrderedDict()

    async def read(self, schedule_id: int, since: int | None) -> SeatMap:
        """All seats as they are now, or at least those changed since a version. Raises NotFound."""
        if since is None:
            return await self._whole(schedule_id)
        return await self._changes(schedule_id, since)

    async def candidates(self, schedule_id: int, wanted: BestAvailable) -> list[list[int]]:
        """Free seats (concert_seat_id) that would do, the best first; none when there are none.

        By the date's own rule about orphans. They are guesses: whoever holds them judges them
        again, and asks again when all of them are gone. Raises NotFound.
        """
        rows = await self._rows(schedule_id, None)
        found: dict[object, list[Any]] = {}
        for rank, row in enumerate(row for row in rows if row["concert_seat_id"] is not None):
            alone = None if row["seat_row"] is not None else rank
            found.setdefault((row["section"], row["seat_row"], alone), []).append((rank, row))
        hall = [_row([*each]) for each in found.values()]
        return candidates(hall, wanted, avoid_orphans=rows[0]["avoid_orphans"])

    def taken(self, schedule_id: int, seat_ids: Sequence[int]) -> None:
        """These seats were just held here: do not offer them before the map is read again."""

    async def _whole(self, schedule_id: int) -> SeatMap:
        # There before it is read, so that a crowd's first requests share one reading.
        kept = self._kept.setdefault(schedule_id, _Kept())
        try:
            await kept.update(lambda version: self._rows(schedule_id, version), self._shown)
        except NotFound:
            self._kept.pop(schedule_id, None)
            raise
        if schedule_id in self._kept:
            self._kept.move_to_end(schedule_id)
        while len(self._kept) > self.KEPT:
            self._kept.popitem(last=False)
        return self._map(schedule_id, kept.version, kept.seats, kept.etag)

    async def _changes(self, schedule_id: int, since: int) -> SeatMap:
        rows = await self._rows(schedule_id, since)
        seats = b",".join(self._shown(row) for row in rows if row["concert_seat_id"] is not None)
        return self._map(schedule_id, rows[0]["version"], seats, _etag(seats))

    async def _rows(self, schedule_id: int, since: int | None) -> "list[asyncpg.Record]":
        rows = await self._sale.rows("seat_map", schedule_id, since)
        if not rows:
            raise NotFound
        return rows

    def _shown(self, row: "asyncpg.Record") -> bytes:
        return orjson.dumps(
            {
                "concert_seat_id": row["concert_seat_id"],
                "seat_number": row["seat_number"],
                "price": self._price_text(row["price"]),
                "status": row["status"],
            }
        )

    def _map(self, schedule_id: int, version: int, seats: bytes, etag: str) -> SeatMap:
        head = {
            "concert_schedule_id": schedule_id,
            "version": version,
            "currency": self._currency.code,
        }
        return SeatMap(orjson.dumps(head)[:-1] + b',"seats":[' + seats + b"]}", etag)


class _Kept:
    """One date's map in this process. One reading at a time; it serves all who asked before it."""

    def __init__(self) -> None:
        self.version = 0
        self.seats = b""
        self.etag = _etag(b"")
        self._by_id: dict[int, bytes] = {}
        self._begun = 0
        self._done = 0
        self._reading = asyncio.Lock()

    async def update(
        self,
        read: "Callable[[int | None], Awaitable[list[asyncpg.Record]]]",
        shown: "Callable[[asyncpg.Record], bytes]",
    ) -> None:
        """Bring it up to the moment of this call, or later. Raises as `read`."""
        asked = self._begun
        async with self._reading:
            if self._done > asked:
                return  # a reading that began after we asked has ended well
            self._begun += 1
            self._apply(await read(self.version or None), shown)
            self._done = self._begun

    def _apply(
        self, rows: "list[asyncpg.Record]", shown: "Callable[[asyncpg.Record], bytes]"
    ) -> None:
        self.version = rows[0]["version"]
        changed = {
            row["concert_seat_id"]: shown(row) for row in rows if row["concert_seat_id"] is not None
        }
        changed = {id_: seat for id_, seat in changed.items() if self._by_id.get(id_) != seat}
        if not changed:
            return
        more = changed.keys() - self._by_id.keys()
        self._by_id |= changed
        if more:
            self._by_id = dict(sorted(self._by_id.items()))
        self.seats = b",".join(self._by_id.values())
        self.etag = _etag(self.seats)


def _row(seats: "list[tuple[int, asyncpg.Record]]") -> Row:
    seats.sort(key=lambda seat: (seat[1]["place"] or 0, seat[0]))
    first = seats[0][1]
    return Row(
        first["section"],
        first["seat_row"],
        [row["concert_seat_id"] for _, row in seats],
        [rank for rank, _ in seats],
        [row["place"] or 0 for _, row in seats],
        [row["price"] for _, row in seats],
        bytearray(LETTERS[row["status"]] for _, row in seats),
    )


def _etag(seats: bytes) -> str:
    return f'W/"{hashlib.blake2b(seats, digest_size=12).hexdigest()}"'


SEAT_MAPS = web.AppKey("seat_maps", SeatMaps)
