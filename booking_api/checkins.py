"""Letting people in: each ticket admits once."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
from aiohttp import web

from booking_api.database import Answer, Sale
from booking_api.ticket_codes import Ticket, TicketCodes
from shared.errors import TicketInvalid

#: Signatures verified before other requests have their turn; each takes some 0.1 ms.
_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Reading:
    """A code that a device read: where, and when if it was offline (None: now)."""

    code: str
    gate: str
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a reading: `admitted` or the code of a refusal, and what is known of it."""

    outcome: str
    found: dict[str, object]


class Checkins:
    """The check-ins of all dates."""

    def __init__(self, sale: Sale, codes: TicketCodes):
        self._sale = sale
        self._codes = codes

    async def admit(self, reading: Reading, date: int | None, operator: str) -> Answer:
        """Let one ticket's holder in; `date`: only to this one. Raises TicketUsed, TicketVoid,
        TicketInvalid, TicketOfOtherDate, NotFound."""
        ticket = self._codes.read(reading.code)
        return await self._sale.decide("check_in", *_columns([(ticket, reading)], operator, date))

    async def admit_all(
        self, readings: Sequence[Reading], date: int | None, operator: str
    ) -> list[Outcome]:
        """What devices did while they were offline, in its order: all that can be is written."""
        genuine: dict[int, tuple[Ticket, Reading]] = {}
        for place, reading in enumerate(readings):
            if place % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)
            try:
                genuine[place] = (self._codes.read(reading.code), reading)
            except TicketInvalid:
                continue
        rows = await self._sale.rows("check_in", *_columns(list(genuine.values()), operator, date))
        outcomes = [Outcome(TicketInvalid.code, {})] * len(readings)
        for (place, (ticket, _)), row in zip(genuine.items(), rows, strict=True):
            said = {"concert_booking_id": ticket.booking_id, "seat_number": ticket.seat_number}
            more = orjson.loads(row["body"]) if row["body"] else {}
            outcomes[place] = Outcome(row["outcome"], {**said, **more})
        return outcomes


def _columns(
    read: Sequence[tuple[Ticket, Reading]], operator: str, date: int | None
) -> tuple[object, ...]:
    tickets, readings = [ticket for ticket, _ in read], [reading for _, reading in read]
    return (
        [ticket.booking_id for ticket in tickets],
        [ticket.schedule_id for ticket in tickets],
        [ticket.seat_number for ticket in tickets],
        [reading.used_at for reading in readings],
        [reading.gate for reading in readings],
        operator,
        date,
    )


CHECKINS = web.AppKey("checkins", Checkins)
