"""Steps of money: charges, payments, refunds."""

from decimal import Decimal

from tests.integration.sales.holding import Holding
from tests.integration.sales.talking import ROOMS, room_of
from tests.model.sale import Booking, Request
from tests.waiting import wait_until


class Paying(Holding):
    """What is done with money."""

    async def charge(self, visitor: int, amount: str, key: str | None) -> None:
        request = self.request(visitor, "/v1/users/me/charges", {"amount": amount}, key)
        await self._charge(request, amount)

    async def buy(self, visitor: int, date: int, count: int) -> None:
        """The best seats of a date; then all that the visitor holds in its room is paid."""
        room = ROOMS.index(self.sale.dates[date].room)
        await self.hold_best(visitor, date, count, adjacent=True, most=None, key=None)
        await self.pay_held(visitor, room)

    async def pay_held(self, visitor: int, room: int) -> None:
        """All that the visitor holds in a room."""
        held = [
            booking.id
            for booking in self.sale.of(f"visitor-{visitor}")
            if booking.state == "PENDING" and booking.date.room == ROOMS[room]
        ]
        if held:
            await self._pay(self._payment(visitor, held, None), held, ROOMS[room])

    async def pay(
        self, visitor: int, picks: list[int], own: bool, with_room: int, key: str | None
    ) -> None:
        """Some bookings, of the visitor's own or of all; with the token of the first one's room,
        or of the next."""
        found = [booking for pick in picks if (booking := self.picked(visitor, pick, own))]
        ids = list(dict.fromkeys(booking.id for booking in found))
        if ids:
            room = room_of(found[0].date, with_room)
            await self._pay(self._payment(visitor, ids, key), ids, room)

    async def refund(self, visitor: int, pick: int, own: bool, key: str | None) -> None:
        """Of the visitor's own or of all."""
        booking = self.picked(visitor, pick, own)
        if booking is not None:
            path = f"/v1/bookings/{booking.id}/refunds"
            await self._refund(self.request(visitor, path, {}, key), booking)

    async def refund_sold(self, pick: int) -> None:
        """Of what is sold, by its owner."""
        sold = [booking for booking in self.sale.bookings if booking.state == "CONFIRMED"]
        if sold:
            booking = sold[-1 - pick % len(sold)]
            visitor = int(booking.visitor.rsplit("-", 1)[1])
            path = f"/v1/bookings/{booking.id}/refunds"
            await self._refund(self.request(visitor, path, {}, None), booking)

    async def refund_by_operator(self, pick: int, amount: str, key: str | None) -> None:
        """`amount`: so much, or 'all' that is left."""
        booking = self.picked(0, pick, own=False)
        if booking is not None:
            left = booking.left if amount == "all" else Decimal(amount)
            path = f"/v1/admin/bookings/{booking.id}/refunds"
            body = {"amount": f"{left:.2f}", "reason": "Behind a pillar"}
            await self._refund_by_operator(self.operators_request(path, body, key), booking, left)

    async def close_refunds(self, date: int) -> None:
        """Time passes until a date's tickets cannot be given back any more, now and then."""
        if date >= len(self.sale.dates):
            return
        of = self.sale.dates[date]
        of.refunds_closed = True
        await self.booking.pool.execute(
            "UPDATE concert_schedule SET refund_until = now() - interval '1 ms'"
            " WHERE concert_schedule_id = $1",
            of.schedule_id,
        )

    def _payment(self, visitor: int, ids: list[int], key: str | None) -> Request:
        return self.request(visitor, "/v1/payments", {"concert_booking_ids": ids}, key)

    async def _pay(self, request: Request, ids: list[int], room: str) -> None:
        self.sent(request, lambda again: self._pay(again, ids, room))
        await self.post(request, room, self.sale.pay(request, ids, room))
        await self.told(request.visitor, room)

    async def told(self, name: str, room: str) -> None:
        """Redis knows of a token's end before the answer, or soon after."""
        if self.visitors[name][room].place.jti in self.sale.ended:
            await wait_until(lambda: self.ended(name, room))

    async def _charge(self, request: Request, amount: str) -> None:
        self.sent(request, lambda again: self._charge(again, amount))
        await self.post(request, ROOMS[0], self.sale.charge(request, Decimal(amount)))

    async def _refund(self, request: Request, booking: Booking) -> None:
        self.sent(request, lambda again: self._refund(again, booking))
        await self.post(request, booking.date.room, self.sale.refund(request, booking))

    async def _refund_by_operator(
        self, request: Request, booking: Booking, amount: Decimal
    ) -> None:
        self.sent(request, lambda again: self._refund_by_operator(again, booking, amount))
        expected = self.sale.refund_by_operator(request, booking, amount)
        await self.post(request, booking.date.room, expected)
