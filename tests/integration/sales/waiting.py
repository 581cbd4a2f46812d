"""Steps of waiting lists: joined, left, offered a seat."""

from datetime import datetime
from typing import Any

from redis.asyncio import Redis

from tests.integration.sales.holding import Holding
from tests.integration.sales.talking import compare
from tests.integration.sound_sale import move_journal
from tests.model.selling import LIVE


class Waiting(Holding):
    """Whoever finds a date sold out."""

    redis: Redis

    async def join_list(self, visitor: int, date: int) -> None:
        """Wait for a seat; the journal knows by then who was let in."""
        await move_journal(self.booking, self.redis)
        of, name = self.sale.dates[date], f"visitor-{visitor}"
        expected = self.sale.join_list(name, of)
        place = self.visitors[name][of.room]
        reply, asked_again = await self.ask(
            "POST", f"/v1/schedules/{of.schedule_id}/waitlist", place
        )
        if asked_again and expected.status == 201:
            assert reply.status in (200, 201), reply.raw
        else:
            compare(expected, reply)
        if expected.status == 201:
            self.sale.entries[-1].id = reply.body["waitlist_id"]

    async def sell_out(self, visitor: int, date: int) -> None:
        """Two of three take what is free, and the third one waits for more."""
        others = [(visitor + off) % 3 for off in (1, 2)]
        for at in range(len(self.sale.dates[date].seats)):
            await self.hold_best(others[at % 2], date, 1, adjacent=True, most=None, key=None)
        await self.join_list(visitor, date)

    async def release(self, date: int, pick: int) -> None:
        """Somebody gives a seat back, and it is offered along the list."""
        of = self.sale.dates[date]
        live = [b for b in self.sale.bookings if b.date is of and b.state in LIVE]
        if live:
            booking = live[pick % len(live)]
            place = self.visitors[booking.visitor][of.room]
            reply, _ = await self.ask("DELETE", f"/v1/bookings/{booking.id}", place)
            compare(self.sale.cancel(booking.visitor, booking, of.room), reply)
        await self.offer(date)

    async def leave_list(self, visitor: int, date: int) -> None:
        of, name = self.sale.dates[date], f"visitor-{visitor}"
        path, place = f"/v1/schedules/{of.schedule_id}/waitlist", self.visitors[name][of.room]
        reply, _ = await self.ask("DELETE", path, place)
        compare(self.sale.leave_list(name, of), reply)

    async def offer(self, date: int) -> None:
        """What is free is offered along the list."""
        of = self.sale.dates[date]
        moved, made = self.sale.offer(of)
        offered = await self.booking.pool.fetchval(
            "SELECT offer_seats($1, 50, 'USD', 2)", of.schedule_id
        )
        assert offered == moved
        for booking in made:
            shown = await self._entry(booking.visitor, date)
            row = shown["booking"]
            booking.id = row["concert_booking_id"]
            assert (row["seat_number"], row["status"]) == (booking.seat, "PENDING")
            lasts = datetime.fromisoformat(row["expiration_at"]) - datetime.fromisoformat(
                row["created_at"]
            )
            assert lasts.total_seconds() == booking.ttl_s

    async def look_at_lists(self) -> None:
        """Every visitor's place is as the model says."""
        for number, date in enumerate(self.sale.dates):
            for name in self.sale.visitors:
                entry = self.sale.last_entry(name, date)
                if entry is not None:
                    shown = await self._entry(name, number)
                    assert shown["waitlist_id"] == entry.id
                    expected = self.sale.shown(entry)
                    assert {field: shown[field] for field in expected} == expected

    async def _entry(self, name: str, date: int) -> Any:
        of = self.sale.dates[date]
        path = f"/v1/schedules/{of.schedule_id}/waitlist"
        return await self.read(path, self.visitors[name][of.room])
