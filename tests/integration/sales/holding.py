"""Steps of holds: taken, extended, let go, past their deadline."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from tests.booking_stack import Reply
from tests.integration.sales.talking import ROOMS, Talk, compare, room_of
from tests.model.sale import Booking, Date, Expected, Request
from tests.model.selling import EXTENSION_S


class Holding(Talk):
    """What is done to holds."""

    async def hold(self, visitor: int, date: int, seats: list[str], key: str | None) -> None:
        of = self.sale.dates[date]
        path = f"/v1/schedules/{of.schedule_id}/bookings"
        await self._hold(self.request(visitor, path, {"seat_numbers": seats}, key), of, seats)

    async def hold_best(
        self,
        visitor: int,
        date: int,
        count: int,
        adjacent: bool,
        most: str | None,
        key: str | None,
    ) -> None:
        """The best available; not side by side only where orphans do not matter."""
        of = self.sale.dates[date]
        best: dict[str, Any] = {"count": count, "adjacent": adjacent or of.avoid_orphans}
        if most is not None:
            best["max_price"] = most
        path = f"/v1/schedules/{of.schedule_id}/bookings"
        request = self.request(visitor, path, {"best_available": best}, key)
        await self._hold_best(request, of, best)

    async def extend(
        self, visitor: int, pick: int, own: bool, with_room: int, key: str | None
    ) -> None:
        booking = self.picked(visitor, pick, own)
        if booking is not None:
            path = f"/v1/bookings/{booking.id}/extension"
            request = self.request(visitor, path, {}, key)
            await self._extend(request, booking, room_of(booking.date, with_room))

    async def cancel(self, visitor: int, pick: int, own: bool, with_room: int) -> None:
        """DELETE a hold, or what was paid."""
        booking = self.picked(visitor, pick, own)
        if booking is None:
            return
        name, room = f"visitor-{visitor}", room_of(booking.date, with_room)
        path = f"/v1/bookings/{booking.id}"
        reply, _ = await self.ask("DELETE", path, self.visitors[name][room])
        compare(self.sale.cancel(name, booking, room), reply)

    async def expire(self, pick: int) -> None:
        """Time passes for one hold."""
        held = [booking for booking in self.sale.bookings if booking.state == "PENDING"]
        if held:
            booking = held[pick % len(held)]
            await self.booking.expire(booking.id)
            self.sale.expire(booking)

    async def sweep(self, most: int) -> None:
        found = await self.booking.pool.fetchval("SELECT sweep_expired($1)", most)
        assert found == self.sale.sweep(most)

    async def set_state(self, date: int, state: str) -> None:
        """A date's sale is stopped, or goes on."""
        of = self.sale.dates[date]
        of.state = state
        await self.booking.pool.execute(
            "UPDATE concert_schedule SET state = $2 WHERE concert_schedule_id = $1",
            of.schedule_id,
            state,
        )

    async def come_again(self, visitor: int, room: int) -> None:
        """Leave the room and join it anew."""
        name, room_id = f"visitor-{visitor}", ROOMS[room]
        await self.booking.places.finish(self.visitors[name][room_id].place, "left")
        joined = await self.booking.visitor(room_id=room_id, name=name)
        self.visitors[name][room_id] = joined
        self.sale.enter(name, room_id, joined.place.jti)

    async def _hold(self, request: Request, date: Date, seats: list[str]) -> None:
        self.sent(request, lambda again: self._hold(again, date, seats))
        expected = self.sale.hold(request, date, seats)
        made(expected, date, await self.post(request, date.room, expected))

    async def _hold_best(self, request: Request, date: Date, best: dict[str, Any]) -> None:
        self.sent(request, lambda again: self._hold_best(again, date, best))
        most = Decimal(best["max_price"]) if "max_price" in best else None
        expected = self.sale.hold_best(request, date, best["count"], best["adjacent"], most)
        made(expected, date, await self.post(request, date.room, expected))

    async def _extend(self, request: Request, booking: Booking, room: str) -> None:
        self.sent(request, lambda again: self._extend(again, booking, room))
        expected = self.sale.extend(request, booking, room)
        reply = await self.post(request, room, expected)
        if expected.status == 201 and expected.replays is None:
            lasts = _time(reply.body["expiration_at"]) - _time(reply.body["created_at"])
            assert lasts.total_seconds() == booking.ttl_s + EXTENSION_S


def made(expected: Expected, date: Date, reply: Reply) -> None:
    """The bookings that an answer shows are the model's; it learns their ids."""
    if not expected.made:
        return
    shown = reply.body["bookings"]
    assert [(b["seat_number"], b["concert_schedule_id"], b["status"]) for b in shown] == [
        (booking.seat, date.schedule_id, "PENDING") for booking in expected.made
    ]
    for booking, row in zip(expected.made, shown, strict=True):
        booking.id = row["concert_booking_id"]
        assert row["price"] == f"{date.price:.2f}"
        lasts = _time(row["expiration_at"]) - _time(row["created_at"])
        assert lasts.total_seconds() == booking.ttl_s


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
