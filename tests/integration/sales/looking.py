"""Reading everything that can be read."""

from decimal import Decimal
from typing import Any

from tests.booking_stack import BookingStack
from tests.integration.sales.talking import ROOMS, Talk
from tests.model import sale as model
from tests.model.sale import Date


class Looking(Talk):
    """Somebody who looks whether all is as the model says."""

    def __init__(self, booking: BookingStack, sale: model.Sale):
        super().__init__(booking, sale)
        #: By date: the version and the statuses of who follows the changes.
        self._followed: dict[int, tuple[int, dict[str, str]]] = {}

    async def look(self) -> None:
        """Everything that can be read is as the model says."""
        for name in self.sale.visitors:
            await self._look_at(name)
        await self.look_at_seats()

    async def look_at_seats(self) -> None:
        """Seats, bookings and counters are as the model says."""
        for date in self.sale.dates:
            await self._look_at_map(date)
        rows = await self.booking.pool.fetch(
            "SELECT concert_booking_id, status, canceled_reason FROM concert_booking"
        )
        assert {row[0]: (row[1], row[2]) for row in rows} == self.sale.rows()
        rows = await self.booking.pool.fetch(
            "SELECT external_id, concert_schedule_id, live_seats, let_go FROM user_schedule"
            " JOIN users USING (user_id)"
        )
        counters = {(row[0], row[1]): row[2] for row in rows if row[2]}
        assert counters == {of: seats for of, seats in self.sale.counters().items() if seats}
        buckets = {(row[0], row[1]): row[3] for row in rows}
        limited = {date.schedule_id for date in self.sale.dates if date.churn}
        for of, seats in self.sale.let_go.items():
            if of[1] not in limited:
                continue
            assert seats - 1 < buckets[of] <= seats, of  # it leaks less than one in a test's time

    async def _look_at(self, name: str) -> None:
        expected, places = self.sale.visitors[name], self.visitors[name]
        visitor = places[ROOMS[0]]
        assert (await self.read("/v1/users/me", visitor))["balance"] == f"{expected.balance:.2f}"
        ledger = await self.read("/v1/users/me/ledger?limit=100", visitor)
        assert [
            (m["kind"], Decimal(m["amount"]), Decimal(m["balance_after"]), m["concert_booking_id"])
            for m in reversed(ledger["items"])
        ] == expected.ledger[-100:]
        shown = await self.read("/v1/bookings?limit=100", visitor)
        assert [
            (b["concert_booking_id"], b["seat_number"], b["status"]) for b in shown["items"]
        ] == [(b.id, b.seat, b.reads) for b in reversed(self.sale.of(name))][:100]
        for room, place in places.items():
            ended = self.sale.ended.get(expected.tokens[room])
            status = await self.booking.places.status(place.place)
            assert (status.status, status.reason) == (
                ("ACTIVE", None) if ended is None else ("EXPIRED", ended)
            )

    async def _look_at_map(self, date: Date) -> None:
        """The whole map, and what a follower of its changes knows, are the model's seats."""
        watcher, of = self.visitors["watcher"][date.room], date.schedule_id
        expected = {seat: self.sale.seat_status(date, seat) for seat in date.seats}
        path = f"/v1/schedules/{date.schedule_id}/seats"
        whole = await self.read(path, watcher)
        assert _statuses(whole) == expected
        version, known = self._followed.get(of, (whole["version"], expected))
        changes = await self.read(f"{path}?since={version}", watcher)
        self._followed[of] = changes["version"], known | _statuses(changes)
        assert self._followed[of][1] == expected


def _statuses(shown: Any) -> dict[str, str]:
    return {seat["seat_number"]: seat["status"] for seat in shown["seats"]}
