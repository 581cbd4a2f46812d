"""Asking the booking API what the model was asked, and comparing the answers."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from tests.booking_stack import ADMIN_KEY, BookingStack, Reply, Visitor
from tests.model import sale as model
from tests.model.sale import Booking, Date, Expected, Request

ROOMS = ("room-a", "room-b")
SEATS = ("A-1", "A-2", "A-3", "A-4")
#: Seats of the date that avoids orphans: one more than others have.
MORE_SEATS = (*SEATS, "A-5")
PATIENCE = 4

_OPERATOR = "operator"


class Talk:
    """Visitors and operators who talk to the booking API."""

    def __init__(self, booking: BookingStack, sale: model.Sale):
        self.booking = booking
        self.sale = sale
        #: By name and room.
        self.visitors: dict[str, dict[str, Visitor]] = {}
        self._sent: list[tuple[Request, Callable[[Request], Awaitable[None]]]] = []

    async def again(self, pick: int) -> None:
        """One of the last requests once more: the same key, the same body."""
        if self._sent:
            request, do = self._sent[-1 - pick % len(self._sent)]
            await do(request)

    def sent(self, request: Request, do: Callable[[Request], Awaitable[None]]) -> None:
        """A request is about to be sent, which `do` repeats."""
        self._sent.append((request, do))

    def request(self, visitor: int, path: str, body: Any, key: str | None) -> Request:
        """A visitor's POST; without a key of its own it gets a new one."""
        text = json.dumps(body)
        return Request(f"visitor-{visitor}", path, key or self.booking.new_key(), text)

    def operators_request(self, path: str, body: Any, key: str | None) -> Request:
        """The operator's POST."""
        return Request(_OPERATOR, path, key or self.booking.new_key(), json.dumps(body))

    async def post(self, request: Request, room: str, expected: Expected) -> Reply:
        """POST, with the token of the room, and be answered as the model says."""
        if request.visitor == _OPERATOR:
            visitor, headers = None, {"Authorization": f"Bearer {ADMIN_KEY}"}
        else:
            visitor, headers = self.visitors[request.visitor][room], {}
        reply, asked_again = await self.ask(
            "POST",
            request.path,
            visitor,
            data=request.body.encode(),
            key=request.key,
            headers=headers,
        )
        compare(expected, reply, asked_again=asked_again)
        if reply.status == 201 and expected.replays is None:
            self.sale.remember(request, reply.raw)
        return reply

    async def ask(
        self, method: str, path: str, visitor: Visitor | None, **given: Any
    ) -> tuple[Reply, bool]:
        """The answer, and whether it took a second request: as a client does, ask again (with the
        same key) when a store did not answer in time, which a busy machine may bring about."""
        reply, tried = await self.booking.ask(method, path, visitor, **given), 1
        while reply.status == 503 and tried < PATIENCE:
            reply, tried = await self.booking.ask(method, path, visitor, **given), tried + 1
        return reply, tried > 1

    async def read(self, path: str, visitor: Visitor) -> Any:
        """The body of what can be read."""
        reply, _ = await self.ask("GET", path, visitor)
        assert reply.status == 200, reply.raw
        return reply.body

    def picked(self, visitor: int, pick: int, own: bool) -> Booking | None:
        """One of the newest bookings."""
        found = self.sale.of(f"visitor-{visitor}") if own else self.sale.bookings
        return found[-1 - pick % len(found)] if found else None

    async def ended(self, name: str, room: str) -> bool:
        """Whether Redis knows that the visitor's token is over."""
        status = await self.booking.places.status(self.visitors[name][room].place)
        return status.status == "EXPIRED"


def room_of(date: Date, off: int) -> str:
    """A date's room, or the one `off` further."""
    return ROOMS[(ROOMS.index(date.room) + off) % len(ROOMS)]


def compare(expected: Expected, reply: Reply, *, asked_again: bool = False) -> None:
    """The answer is the model's."""
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
