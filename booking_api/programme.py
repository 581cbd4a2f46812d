"""The programme: concerts and dates with all their settings, as operators see and change them."""

from typing import Any

import asyncpg
import msgspec
from aiohttp import web

from booking_api.database import Sale
from booking_api.money import Currency
from booking_api.programme_answers import OperatorsConcert, OperatorsSchedule
from booking_api.rendering import utc_text
from shared.errors import NotFound
from shared.operators import Operator
from shared.paging import Page


class Programme:
    """Everybody's concerts and dates. What changes them is kept in the audit in the same
    transaction."""

    def __init__(self, sale: Sale, currency: Currency):
        self._sale = sale
        self._currency = currency

    async def concerts(self, room_id: str | None, asked: Page) -> "list[asyncpg.Record]":
        """All concerts, or a room's; one more than the page holds if there are more."""
        return await self._sale.rows("operators_concerts", room_id, asked.after, asked.limit + 1)

    async def concert(self, concert_id: int) -> OperatorsConcert:
        """One concert. Raises NotFound."""
        return concert_shown(await self._one("operators_concert", concert_id))

    async def change_concert(
        self, concert_id: int, expected: str, changes: dict[str, Any], who: Operator
    ) -> OperatorsConcert:
        """Change a concert of a version, or of any ('*'). Raises NotFound, VersionConflict."""
        given = msgspec.json.encode(changes).decode()
        await self._sale.decide("change_concert", concert_id, expected, given, who.name)
        return await self.concert(concert_id)

    async def schedules(self, concert_id: int, asked: Page) -> "list[asyncpg.Record]":
        """A concert's dates; one more than the page holds if there are more. Raises NotFound."""
        found = await self._sale.rows(
            "operators_schedules", concert_id, asked.after, asked.limit + 1
        )
        if not found:
            await self._one("operators_concert", concert_id)
        return found

    async def schedule(self, schedule_id: int) -> OperatorsSchedule:
        """One date. Raises NotFound."""
        return schedule_shown(await self._one("operators_schedule", schedule_id))

    async def change_schedule(
        self, schedule_id: int, expected: str, changes: dict[str, Any], who: Operator
    ) -> OperatorsSchedule:
        """Change a date of a version, or of any ('*'); one that moves is announced.

        Raises NotFound, VersionConflict, ScheduleCanceled.
        """
        given = msgspec.json.encode(changes).decode()
        await self._sale.decide(
            "change_schedule",
            schedule_id,
            expected,
            given,
            who.name,
            self._currency.code,
            self._currency.digits,
        )
        return await self.schedule(schedule_id)

    async def close_schedule(self, schedule_id: int, who: Operator) -> None:
        """Sell no more of a date. Raises NotFound, ScheduleCanceled."""
        await self._sale.decide("close_schedule", schedule_id, who.name)

    async def _one(self, name: str, of: int) -> "asyncpg.Record":
        found = await self._sale.row(name, of)
        if found is None:
            raise NotFound
        return found


def concert_shown(row: "asyncpg.Record") -> OperatorsConcert:
    """A concert as operators see it."""
    off_sale_at = row["off_sale_at"]
    return OperatorsConcert(
        concert_id=row["concert_id"],
        concert_name=row["concert_name"],
        room_id=row["room_id"],
        refund_percent=row["refund_percent"],
        on_sale=off_sale_at is None,
        off_sale_at=None if off_sale_at is None else utc_text(off_sale_at),
        version=row["version"],
    )


def schedule_shown(row: "asyncpg.Record") -> OperatorsSchedule:
    """A date as operators see it."""
    given = dict(row)
    refund_until = given.pop("refund_until")
    return OperatorsSchedule(
        **{**given, "schedule_date": utc_text(given["schedule_date"])},
        refund_until=None if refund_until is None else utc_text(refund_until),
    )


PROGRAMME = web.AppKey("programme", Programme)
