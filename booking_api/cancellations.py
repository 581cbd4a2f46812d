"""Cancelling a whole date: begun in one moment, worked off in batches by whichever process comes.

A batch is one transaction, so that nothing is lost or done twice wherever a process stops.
"""

import asyncpg
from aiohttp import web

from booking_api.cancellations_answers import ScheduleCancellation
from booking_api.database import Sale
from booking_api.money import Currency
from booking_api.rendering import utc_text
from shared.errors import NotFound
from shared.operators import Operator

PAUSE_S = 0.5
#: Bookings ended by one transaction, which locks their seats and their visitors' balances.
BATCH = 200


class Cancellations:
    """Cancellations of all dates."""

    def __init__(self, sale: Sale, currency: Currency):
        self._sale = sale
        self._currency = currency

    async def begin(
        self, schedule_id: int, reason: str, refund_percent: int, who: Operator
    ) -> ScheduleCancellation:
        """Cancel a date, for all and at once; holds and refunds follow in the background.

        Raises NotFound, ScheduleCanceled.
        """
        await self._sale.decide("cancel_schedule", schedule_id, reason, refund_percent, who.name)
        return await self.of(schedule_id)

    async def of(self, schedule_id: int) -> ScheduleCancellation:
        """How far it has come. Raises NotFound for a date that is not canceled."""
        row = await self._sale.row("cancellation", schedule_id)
        if row is None:
            raise NotFound
        return self._shown(row)

    async def work(self, batch: int = BATCH) -> int:
        """Work on what is to be done; returns how many bookings that ended. Any number of
        processes may do so."""
        ended = 0
        while True:
            (row,) = await self._sale.rows(
                "cancel_some", batch, self._currency.code, self._currency.digits
            )
            if row["ended"] is None:
                return ended
            ended += int(row["ended"])

    def _shown(self, row: "asyncpg.Record") -> ScheduleCancellation:
        finished_at = row["finished_at"]
        return ScheduleCancellation(
            concert_schedule_id=row["concert_schedule_id"],
            reason=row["reason"],
            refund_percent=row["refund_percent"],
            operator=row["operator"],
            total=row["total"],
            done=row["done"],
            refunded=self._currency.text(row["refunded_amount"]),
            currency=self._currency.code,
            created_at=utc_text(row["created_at"]),
            finished_at=None if finished_at is None else utc_text(finished_at),
        )


CANCELLATIONS = web.AppKey("cancellations", Cancellations)
