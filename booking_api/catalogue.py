"""What is sold: concerts, their dates, the halls' seats; read by visitors, made by operators."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import asyncpg
from aiohttp import web

from booking_api.answers import Concert, Schedule
from booking_api.database import Sale
from booking_api.readings import Readings
from booking_api.rendering import utc_text
from booking_api.where import Where
from shared.errors import NotFound, ValidationFailed
from shared.operators import Operator
from shared.paging import Page
from shared.places import Places

#: Who fills the catalogue where no operator's key is asked for: our own commands.
OURSELVES = "onsale"
HOLD_TTL_S = 300
MAX_SEATS_PER_USER = 4


@dataclass(frozen=True)
class Terms:
    """How a date is sold, beside the time of its holds and its limit of seats; see
    `programme_bodies.ScheduleChanges`."""

    hold_extension_s: int = 120
    max_let_go_per_hour: int = 40
    offer_ttl_s: int = 900
    avoid_orphans: bool = False
    refund_until: datetime | None = None


#: Seats whose places are read without leaving the loop.
AT_ONCE = 2_000
#: 50,000 seats take a second or two.
HALL_DEADLINE_S = 60


#: How old a count of free seats may be, for each seat above some: counting takes a fiftieth of it.
SMALL, AGE_S_PER_SEAT = 1_000, 10e-6


class AnonymousRoom(ValidationFailed):
    """Seats are sold to people who are known, and this room lets in anybody - at `$.room_id`"""


class Catalogue:
    """The catalogue of all rooms."""

    def __init__(self, sale: Sale, places: Places | None = None, operator: str = OURSELVES):
        self._sale = sale
        self._places = places
        self._operator = operator
        self._dates: Readings[list[asyncpg.Record]] = Readings()

    def by(self, operator: Operator) -> "Catalogue":
        """The same, changed by an operator: what they do is kept under their name."""
        return Catalogue(self._sale, self._places, operator.name)

    async def concerts(self, room_id: str, asked: Page) -> "list[asyncpg.Record]":
        """What a room guards; one more than the page holds if there are more."""
        return await self._sale.rows("concerts", room_id, asked.after, asked.limit + 1)

    async def schedules(self, concert_id: int, asked: Page) -> "list[asyncpg.Record]":
        """A concert's dates in order, one more than the page if there are. Raises NotFound.

        Their free seats were counted a moment ago, at most half a second where there are many.
        """
        args = (concert_id, asked.after, asked.limit + 1)
        found = await self._dates.get(
            args,
            lambda: self._sale.rows("schedules", *args),
            lambda rows: AGE_S_PER_SEAT * (sum(row["seats_loaded"] for row in rows) - SMALL),
        )
        if not found and await self._sale.row("concert_room", concert_id) is None:
            raise NotFound
        return found

    async def create_concert(
        self, concert_name: str, room_id: str, refund_percent: int = 0
    ) -> "asyncpg.Record":
        """A concert, guarded by a room. Raises AnonymousRoom."""
        async with self._sale.together() as sale:
            await sale.rows("lock_room", room_id)
            if self._places is not None and await self._places.is_anonymous(room_id):
                raise AnonymousRoom
            (row,) = await sale.rows(
                "create_concert", concert_name, room_id, self._operator, refund_percent
            )
        return row

    async def take_off_sale(self, concert_id: int) -> None:
        """Show and sell a concert no more; what was sold of it stays. Raises NotFound."""
        if await self._sale.row("take_off_sale", concert_id, self._operator) is None:
            raise NotFound

    async def create_schedule(
        self,
        concert_id: int,
        schedule_date: datetime,
        hold_ttl_s: int = HOLD_TTL_S,
        max_seats_per_user: int = MAX_SEATS_PER_USER,
        terms: Terms = Terms(),
    ) -> "asyncpg.Record":
        """A date of a concert, without seats yet. Raises NotFound."""
        row = await self._sale.row(
            "create_schedule",
            concert_id,
            schedule_date,
            hold_ttl_s,
            max_seats_per_user,
            self._operator,
            terms.hold_extension_s,
            terms.max_let_go_per_hour,
            terms.offer_ttl_s,
            terms.avoid_orphans,
            terms.refund_until,
        )
        if row is None:
            raise NotFound
        return row

    async def add_seats(
        self,
        schedule_id: int,
        seat_numbers: Sequence[str],
        prices: Sequence[Decimal],
        where: Where | None = None,
    ) -> int:
        """Seats of a date, all or none; returns how many. Raises NotFound, AlreadyThere."""
        known = where or Where()
        if len(seat_numbers) > AT_ONCE:
            known = await asyncio.to_thread(known.completed, seat_numbers)
        else:
            known = known.completed(seat_numbers)
        (row,) = await self._sale.rows(
            "add_seats",
            schedule_id,
            seat_numbers,
            [str(price) for price in prices],
            self._operator,
            known.sections,
            known.rows,
            known.places,
            known.bands,
            deadline_s=HALL_DEADLINE_S,
        )
        added = int(row["seats_added"])
        if not added:
            raise NotFound
        return added


def concert_shown(row: "asyncpg.Record") -> Concert:
    """A concert as the API shows it."""
    return Concert(row["concert_id"], row["concert_name"], row["room_id"])


def schedule_shown(row: "asyncpg.Record", seats_available: int) -> Schedule:
    """A date as the API shows it."""
    return Schedule(
        concert_schedule_id=row["concert_schedule_id"],
        concert_id=row["concert_id"],
        schedule_date=utc_text(row["schedule_date"]),
        seats_available=seats_available,
        hold_ttl_s=row["hold_ttl_s"],
        max_seats_per_user=row["max_seats_per_user"],
    )


CATALOGUE = web.AppKey("catalogue", Catalogue)
