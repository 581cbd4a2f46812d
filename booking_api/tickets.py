"""Tickets: what a CONFIRMED booking shows at the door."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import asyncpg
from aiohttp import web

from booking_api.database import Sale
from booking_api.ticket_codes import Ticket, TicketCodes
from shared.errors import NotConfirmed, NotFound, TicketVoid, Unavailable

#: Tickets being drawn or waiting for it, per process; drawing one takes some 20 ms.
MOST_DRAWN = 32
DRAW_DEADLINE_S = 10.0
#: Rows of a date's list that are read at once.
BATCH = 2000

Drawn = TypeVar("Drawn")


@dataclass(frozen=True, slots=True)
class Shown:
    """A ticket that is good, or was used."""

    code: str
    concert_booking_id: int
    concert_schedule_id: int
    concert_name: str
    schedule_date: datetime
    seat_number: str
    section: str
    used_at: datetime | None


class Tickets:
    """The tickets of all dates."""

    def __init__(self, sale: Sale, codes: TicketCodes):
        self._sale = sale
        self._codes = codes
        self._drawing = 0
        # One thread: drawing is work, and the requests beside it come first.
        self._artist = ThreadPoolExecutor(1, thread_name_prefix="tickets")

    async def one(self, visitor: str, booking_id: int) -> Shown:
        """The ticket of one of a visitor's bookings. Raises NotFound, NotConfirmed, TicketVoid."""
        row = await self._sale.row("ticket", visitor, booking_id)
        if row is None:
            raise NotFound
        if row["state"] == "not_confirmed":
            raise NotConfirmed
        if row["state"] == "void":
            raise TicketVoid
        said = Ticket(booking_id, row["concert_schedule_id"], row["seat_number"])
        return Shown(
            code=self._codes.sign(said),
            concert_booking_id=booking_id,
            concert_schedule_id=row["concert_schedule_id"],
            concert_name=row["concert_name"],
            schedule_date=row["schedule_date"],
            seat_number=row["seat_number"],
            section=row["section"],
            used_at=row["used_at"],
        )

    async def drawn(self, draw: "Callable[[Shown], Drawn]", ticket: Shown) -> Drawn:
        """What `draw` makes of a ticket, away from the loop. Raises Unavailable when too many wait
        for theirs, or it takes too long."""
        if self._drawing >= MOST_DRAWN:
            raise Unavailable("Too many tickets are being drawn; ask again.")
        self._drawing += 1
        try:
            work = asyncio.get_running_loop().run_in_executor(self._artist, draw, ticket)
            return await asyncio.wait_for(work, DRAW_DEADLINE_S)
        except TimeoutError:
            raise Unavailable("The ticket could not be drawn in time; ask again.") from None
        finally:
            self._drawing -= 1

    async def of_date(self, schedule_id: int) -> "AsyncIterator[list[asyncpg.Record]]":
        """All tickets that a date ever had, in batches. Raises NotFound before the first one."""
        if await self._sale.row("schedule_room", schedule_id) is None:
            raise NotFound
        return self._batches(schedule_id)

    async def _batches(self, schedule_id: int) -> "AsyncIterator[list[asyncpg.Record]]":
        after = 0
        while True:
            rows = await self._sale.rows("tickets_of_date", schedule_id, after, BATCH)
            if rows:
                yield rows
            if len(rows) < BATCH:
                return
            after = rows[-1]["concert_booking_id"]

    def close(self) -> None:
        self._artist.shutdown(wait=False, cancel_futures=True)


TICKETS = web.AppKey("tickets", Tickets)
