"""Exports as CSV (RFC 4180), streamed: the memory they need does not grow with what they hold.

They are read page by page, each in a statement of its own, above the last id. A cursor would hold a
connection and a snapshot for as long as a slow reader likes; so does this one neither. Each line is
true when it is read, and nothing that was there when the export began is missing.
"""

import csv
import io
from asyncio import timeout
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import asyncpg
from aiohttp import hdrs, web

from booking_api.database import Sale
from booking_api.money import Currency
from booking_api.rendering import utc_text
from shared.errors import NotFound, TooManyRequests
from shared.logs import logger

CSV = "text/csv"
PAGE = 1_000
#: Exports that one process sends at once; each may use a connection of the pool now and then.
MOST_AT_ONCE = 4
#: Who does not take a page in this time is gone.
WRITE_DEADLINE_S = 30.0

#: What spreadsheets take for the beginning of a formula (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

BOOKINGS = (
    *("concert_booking_id", "status", "seat_number", "section", "row", "place", "band"),
    *("user_id", "visitor", "user_name", "price", "currency", "paid", "refunded"),
    *("canceled_reason", "created_at", "expiration_at", "paid_at", "checked_in_at"),
)
PAYMENTS = (
    *("concert_booking_id", "payment_id", "refund_id", "kind", "amount", "currency", "at"),
    *("seat_number", "section", "band", "user_id", "visitor", "payment_intent_id"),
    *("operator", "reason"),
)

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Export:
    """A file that is made while it is sent."""

    name: str
    pages: AsyncIterator[bytes]


class Exports:
    """The exports of one process."""

    def __init__(self, sale: Sale, currency: Currency, page: int = PAGE):
        self._sale = sale
        self._currency = currency
        self._page = page
        self.open = 0

    async def begin(self, what: str, schedule_id: int) -> Export:
        """An export of 'bookings' or 'payments' of a date. Raises NotFound, TooManyRequests."""
        if self.open >= MOST_AT_ONCE:
            raise TooManyRequests("As many exports as may run at once do so.", retry_after_s=5)
        if await self._sale.row("schedule_room", schedule_id) is None:
            raise NotFound
        columns, line = {
            "bookings": (BOOKINGS, self._booking),
            "payments": (PAYMENTS, self._payment),
        }[what]
        pages = self._pages(f"export_{what}", schedule_id, columns, line)
        return Export(f"{what}-{schedule_id}.csv", pages)

    async def _pages(
        self,
        query: str,
        schedule_id: int,
        columns: Sequence[str],
        line: "Callable[[asyncpg.Record], Sequence[Any]]",
    ) -> AsyncIterator[bytes]:
        yield rendered([columns])
        after = 0
        while rows := await self._sale.rows(query, schedule_id, after, self._page):
            yield rendered(line(row) for row in rows)
            after = rows[-1]["concert_booking_id"]

    def _booking(self, row: "asyncpg.Record") -> Sequence[Any]:
        return (
            *(row["concert_booking_id"], row["status"], row["seat_number"], row["section"]),
            *(row["seat_row"], row["place"], row["band"], row["user_id"], row["visitor"]),
            *(row["user_name"], self._money(row["price"]), self._currency.code),
            *(self._money(row["payment_amount"]), self._money(row["refunded_amount"])),
            *(row["canceled_reason"], _when(row["created_at"]), _when(row["expiration_at"])),
            *(_when(row["paid_at"]), _when(row["used_at"])),
        )

    def _payment(self, row: "asyncpg.Record") -> Sequence[Any]:
        return (
            *(row["concert_booking_id"], row["payment_id"], row["refund_id"], row["kind"]),
            *(self._money(row["amount"]), self._currency.code, _when(row["at"])),
            *(row["seat_number"], row["section"], row["band"], row["user_id"], row["visitor"]),
            *(row["payment_intent_id"], row["operator"], row["reason"]),
        )

    def _money(self, amount: Decimal | None) -> "_Plain | None":
        return None if amount is None else _Plain(self._currency.text(amount))


class CsvStream(web.StreamResponse):
    """Sends an export as its body: middlewares are done with it when it begins."""

    def __init__(self, request: web.Request, export: Export, exports: Exports):
        super().__init__(
            headers={
                "Cache-Control": "no-store",
                "Content-Disposition": f'attachment; filename="{export.name}"',
            }
        )
        self.content_type = CSV
        self.charset = "utf-8"
        self._request, self._export, self._exports = request, export, exports

    async def write_eof(self, data: bytes = b"") -> None:
        """The body, from the heads of its columns to its last line."""
        if self._request.method != hdrs.METH_HEAD:
            self._exports.open += 1
            try:
                async for page in self._export.pages:
                    async with timeout(WRITE_DEADLINE_S):
                        await self.write(page)
            except BaseException as error:
                # Without the end of its last chunk no reader takes half a file for a whole one.
                if self._request.transport is not None:
                    self._request.transport.abort()
                if not isinstance(error, Exception):
                    raise
                log.warning("export_broken_off", error=type(error).__name__)
                raise ConnectionResetError("The export was broken off.") from None
            finally:
                self._exports.open -= 1
        await super().write_eof(data)


class _Plain(str):
    """Text of our own making: an amount, a moment."""

    __slots__ = ()


def rendered(lines: "Any") -> bytes:
    """Lines of CSV in UTF-8. Text of others that a spreadsheet would take for a formula gets an
    apostrophe before it."""
    out = io.StringIO()
    csv.writer(out).writerows([_cell(value) for value in line] for line in lines)
    return out.getvalue().encode("utf-8")


def _cell(value: Any) -> Any:
    if isinstance(value, str) and not isinstance(value, _Plain) and value.startswith(_FORMULA):
        return f"'{value}"
    return value


def _when(moment: datetime | None) -> "_Plain | None":
    return None if moment is None else _Plain(utc_text(moment))


EXPORTS = web.AppKey("exports", Exports)
