"""A program's steps, done to the booking API and to its model at once."""

import json
from datetime import datetime
from decimal import Decimal
from typing import Any, Self

from redis.asyncio import Redis

from tests.booking_stack import TABLES, BookingStack, Reply, Visitor
from tests.model import sale as model
from tests.model.sale import Booking, Date, Expected, Request
from tests.waiting import wait_until

ROOMS = ("room-a", "room-b")
SEATS = ("A-1", "A-2", "A-3", "A-4")
NOT_THERE = "Z-9"
HOLD_TTL_S = 300
PATIENCE = 4
#: Room, limit, price: two dates of one room, and one of another that costs nothing.
DATES = (("room-a", 2, "10.00"), ("room-a", 3, "33.33"), ("room-b", 1, "0.00"))


class Run:
    """One sale, from an empty database on."""

    def __init__(self, booking: BookingStack, sale: model.Sale):
        self.booking = booking
        self.sale = sale
        self._visitors: dict[str, dict[str, Visitor]] = {}
        self._sent: list[tuple[Request, Any]] = []
        #: By date: the version and the statuses of who follows the changes.
        self._followed: dict[int, tuple[int, dict[str, str]]] = {}

    @classmethod
    async def begun(cls, booking: BookingStack, redis: Redis) -> Self:
        """Three visitors in two rooms with three dates; the first visitor has no money."""
        await redis.flushall()
        await booking.pool.execute(f"TRUNCATE {', '.join(TABLES)}, queue")
        dates = [
            Date(
                await booking.date(
                    list(SEATS), room_id=room, price=price, limit=limit, hold_ttl_s=HOLD_TTL_S
                ),
                room,
                limit,
                Decimal(price),
                SEATS,
            )
            for room, limit, price in DATES
        ]
        run = cls(booking, model.Sale(dates))
        for number, money in enumerate((None, "50.00", "200.00")):
            name = f"visitor-{number}"
            places = {r: await booking.visitor(room_id=r, name=name) for r in ROOMS}
            run._visitors[name] = places
            run.sale.visitors[name] = model.Visitor(
                {room: visitor.place.jti for room, visitor in places.items()}
            )
            if money is not None:
                await run.charge(number, money, None)
        run._visitors["watcher"] = {
            r: await booking.visitor(room_id=r, name="watcher") for r in ROOMS
        }
        return run

    # Steps

    async def hold(self, visitor: int, date: int, seats: list[str], key: str | None) -> None:
        of = self.sale.dates[date]
        request = self._request(
            visitor, f"/v1/schedules/{of.schedule_id}/bookings", {"seat_numbers": seats}, key
        )
        await self._hold(request, of, seats)

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
        picked = [booking for pick in picks if (booking := self._picked(visitor, pick, own))]
        ids = list(dict.fromkeys(booking.id for booking in picked))
        if ids:
            room = self._room(picked[0], with_room)
            await self._pay(self._payment(visitor, ids, key), ids, room)

    async def cancel(self, visitor: int, pick: int, own: bool, with_room: int) -> None:
        booking = self._picked(visitor, pick, own)
        if booking is None:
            return
        name, room = f"visitor-{visitor}", self._room(booking, with_room)
        visitor_there = self._visitors[name][room]
        reply, _ = await self._ask("DELETE", f"/v1/bookings/{booking.id}", visitor_there)
        self._compare(self.sale.cancel(name, booking, room), reply)

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

    async def charge(self, visitor: int, amount: str, key: str | None) -> None:
        request = self._request(visitor, "/v1/users/me/charges", {"amount": amount}, key)
        await self._charge(request, amount)

    async def again(self, pick: int) -> None:
        """One of the last requests once more: the same key, the same body."""
        if not self._sent:
            return
        request, do = self._sent[-1 - pick % len(self._sent)]
        await do(request)

    async def come_again(self, visitor: int, room: int) -> None:
        """Leave the room and join it anew."""
        name, room_id = f"visitor-{visitor}", ROOMS[room]
        await self.booking.places.finish(self._visitors[name][room_id].place, "left")
        joined = await self.booking.visitor(room_id=room_id, name=name)
        self._visitors[name][room_id] = joined
        self.sale.enter(name, room_id, joined.place.jti)

    async def look(self) -> None:
        """Everything that can be read is as the model says."""
        for name in self.sale.visitors:
            await self._look_at(name)
        await self._look_at_seats()

    async def end(self) -> None:
        """Look, sweep, look at what that may have changed, and ask what `onsale verify` asks."""
        await self.look()
        await self.sweep(200)
        await self._look_at_seats()
        await self.booking.assert_sound()

    # How

    def _request(self, visitor: int, path: str, body: Any, key: str | None) -> Request:
        return Request(f"visitor-{visitor}", path, key or self.booking.new_key(), json.dumps(body))

    def _payment(self, visitor: int, ids: list[int], key: str | None) -> Request:
        return self._request(visitor, "/v1/payments", {"concert_booking_ids": ids}, key)

    async def _hold(self, request: Request, date: Date, seats: list[str]) -> None:
        self._sent.append((request, lambda again: self._hold(again, date, seats)))
        expected = self.sale.hold(request, date, seats)
        reply = await self._post(request, date.room, expected)
        if expected.made:
            shown = reply.body["bookings"]
            assert [(b["seat_number"], b["concert_schedule_id"], b["status"]) for b in shown] == [
                (booking.seat, date.schedule_id, "PENDING") for booking in expected.made
            ]
            for booking, row in zip(expected.made, shown, strict=True):
                booking.id = row["concert_booking_id"]
                assert row["price"] == f"{date.price:.2f}"
                lasts = _time(row["expiration_at"]) - _time(row["created_at"])
                assert lasts.total_seconds() == HOLD_TTL_S

    async def _pay(self, request: Request, ids: list[int], room: str) -> None:
        self._sent.append((request, lambda again: self._pay(again, ids, room)))
        await self._post(request, room, self.sale.pay(request, ids, room))
        place = self._visitors[request.visitor][room].place
        if place.jti in self.sale.ended:  # told before the answer, or soon after
            await wait_until(lambda: self._ended(request.visitor, room))

    async def _charge(self, request: Request, amount: str) -> None:
        self._sent.append((request, lambda again: self._charge(again, amount)))
        await self._post(request, ROOMS[0], self.sale.charge(request, Decimal(amount)))

    async def _post(self, request: Request, room: str, expected: Expected) -> Reply:
        reply, asked_again = await self._ask(
            "POST",
            request.path,
            self._visitors[request.visitor][room],
            data=request.body.encode(),
            key=request.key,
        )
        self._compare(expected, reply, asked_again=asked_again)
        if reply.status == 201 and expected.replays is None:
            self.sale.remember(request, reply.raw)
        return reply

    async def _ask(
        self, method: str, path: str, visitor: Visitor, **given: Any
    ) -> tuple[Reply, bool]:
        """The answer, and whether it took a second request: as a client does, ask again (with the
        same key) when a store did not answer in time, which a busy machine may bring about."""
        reply, tried = await self.booking.ask(method, path, visitor, **given), 1
        while reply.status == 503 and tried < PATIENCE:
            reply, tried = await self.booking.ask(method, path, visitor, **given), tried + 1
        return reply, tried > 1

    async def _read(self, path: str, visitor: Visitor) -> Any:
        reply, _ = await self._ask("GET", path, visitor)
        assert reply.status == 200, reply.raw
        return reply.body

    @staticmethod
    def _compare(expected: Expected, reply: Reply, *, asked_again: bool = False) -> None:
        assert (reply.status, reply.code) == (expected.status, expected.code), reply.raw
        replayed = "Idempotency-Replayed" in reply.headers
        assert replayed == (expected.replays is not None) or (replayed and asked_again)
        if expected.replays is not None:
            assert reply.raw == expected.replays
        for name, value in expected.says.items():
            found = reply.body[name]
            if name == "payments":
                found = [{field: row[field] for field in value[0]} for row in found]
            assert found == value, name

    def _picked(self, visitor: int, pick: int, own: bool) -> Booking | None:
        """One of the newest bookings."""
        found = self.sale.of(f"visitor-{visitor}") if own else self.sale.bookings
        return found[-1 - pick % len(found)] if found else None

    @staticmethod
    def _room(booking: Booking, off: int) -> str:
        return ROOMS[(ROOMS.index(booking.date.room) + off) % len(ROOMS)]

    async def _ended(self, name: str, room: str) -> bool:
        status = await self.booking.places.status(self._visitors[name][room].place)
        return status.status == "EXPIRED"

    async def _look_at(self, name: str) -> None:
        expected, places = self.sale.visitors[name], self._visitors[name]
        visitor = places[ROOMS[0]]
        assert (await self._read("/v1/users/me", visitor))["balance"] == f"{expected.balance:.2f}"
        ledger = await self._read("/v1/users/me/ledger?limit=100", visitor)
        assert [
            (m["kind"], Decimal(m["amount"]), Decimal(m["balance_after"]), m["concert_booking_id"])
            for m in reversed(ledger["items"])
        ] == expected.ledger[-100:]
        shown = await self._read("/v1/bookings?limit=100", visitor)
        assert [
            (b["concert_booking_id"], b["seat_number"], b["status"]) for b in shown["items"]
        ] == [(b.id, b.seat, b.reads) for b in reversed(self.sale.of(name))][:100]
        for room, place in places.items():
            ended = self.sale.ended.get(expected.tokens[room])
            status = await self.booking.places.status(place.place)
            assert (status.status, status.reason) == (
                ("ACTIVE", None) if ended is None else ("EXPIRED", ended)
            )

    async def _look_at_seats(self) -> None:
        for date in self.sale.dates:
            await self._look_at_map(date)
        rows = await self.booking.pool.fetch(
            "SELECT concert_booking_id, status, canceled_reason FROM concert_booking"
        )
        assert {row[0]: (row[1], row[2]) for row in rows} == self.sale.rows()
        rows = await self.booking.pool.fetch(
            "SELECT external_id, concert_schedule_id, live_seats FROM user_schedule"
            " JOIN users USING (user_id)"
        )
        assert {(row[0], row[1]): row[2] for row in rows} == self.sale.counters()

    async def _look_at_map(self, date: Date) -> None:
        """The whole map, and what a follower of its changes knows, are the model's seats."""
        watcher, of = self._visitors["watcher"][date.room], date.schedule_id
        expected = {seat: self.sale.seat_status(date, seat) for seat in date.seats}
        path = f"/v1/schedules/{date.schedule_id}/seats"
        whole = await self._read(path, watcher)
        assert _statuses(whole) == expected
        version, known = self._followed.get(of, (whole["version"], expected))
        changes = await self._read(f"{path}?since={version}", watcher)
        self._followed[of] = changes["version"], known | _statuses(changes)
        assert self._followed[of][1] == expected


def _statuses(shown: Any) -> dict[str, str]:
    return {seat["seat_number"]: seat["status"] for seat in shown["seats"]}


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
