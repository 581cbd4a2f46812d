"""Sales figures, as they are in the books right now."""

from decimal import Decimal

import asyncpg
from aiohttp import web

from booking_api.database import Sale
from booking_api.figures_answers import (
    ConcertSales,
    DateFigures,
    DayFigures,
    ScheduleSales,
    SeatFigures,
    Takings,
)
from booking_api.money import Currency
from booking_api.rendering import utc_text
from shared.errors import NotFound
from shared.paging import Page, cursor

#: Rows by day and band that one answer holds: some years of a few bands, a month of many.
MOST_DAYS = 2_000


class Figures:
    """The figures of all concerts."""

    def __init__(self, sale: Sale, currency: Currency):
        self._sale = sale
        self._currency = currency

    async def of_schedule(self, schedule_id: int) -> ScheduleSales:
        """A date's figures, by day and band. Raises NotFound."""
        total = await self._sale.row("sales_totals", schedule_id, None, None, 1)
        if total is None:
            raise NotFound
        days = await self._sale.rows(
            "sales", schedule_id, None, MOST_DAYS + 1, self._currency.digits
        )
        return ScheduleSales(
            concert_schedule_id=schedule_id,
            concert_id=total["concert_id"],
            currency=self._currency.code,
            seats=_seats(total),
            takings=self._takings(total),
            days=[self._day(row) for row in days[:MOST_DAYS]],
            complete=len(days) <= MOST_DAYS,
        )

    async def of_concert(self, concert_id: int, asked: Page) -> ConcertSales:
        """A concert's figures, with a page of its dates. Raises NotFound."""
        if await self._sale.row("concert_room", concert_id) is None:
            raise NotFound
        (total,) = await self._sale.rows("takings", concert_id)
        rows = await self._sale.rows("sales_totals", None, concert_id, asked.after, asked.limit + 1)
        shown = rows[: asked.limit]
        more = len(rows) > asked.limit
        return ConcertSales(
            concert_id=concert_id,
            currency=self._currency.code,
            takings=self._takings(total),
            items=[
                DateFigures(
                    concert_schedule_id=row["concert_schedule_id"],
                    schedule_date=utc_text(row["schedule_date"]),
                    state=row["state"],
                    seats=_seats(row),
                    takings=self._takings(row),
                )
                for row in shown
            ],
            next_cursor=cursor(str(shown[-1]["concert_schedule_id"])) if more else None,
        )

    def _takings(self, row: "asyncpg.Record") -> Takings:
        gross, refunded, net = self._money(row)
        return Takings(row["sold"], row["canceled"], gross, refunded, net)

    def _day(self, row: "asyncpg.Record") -> DayFigures:
        gross, refunded, net = self._money(row)
        return DayFigures(
            row["day"].isoformat(), row["band"], row["sold"], row["refunds"], gross, refunded, net
        )

    def _money(self, row: "asyncpg.Record") -> tuple[str, str, str]:
        gross: Decimal = row["gross"]
        refunded: Decimal = row["refunded"]
        text = self._currency.text
        return text(gross), text(refunded), text(gross - refunded)


def _seats(row: "asyncpg.Record") -> SeatFigures:
    available, reserved, sold = row["available"], row["reserved"], row["sold_seats"]
    return SeatFigures(available, reserved, sold, available + reserved + sold)


FIGURES = web.AppKey("figures", Figures)
