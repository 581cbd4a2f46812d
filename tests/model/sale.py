"""The sale in plain Python: what every request must answer, and what must be true afterwards.

One request after the other, without clock, locks or store. What only the real thing knows (ids,
times, bytes) the model learns from its answers. Visitors, dates and rooms are named as the test
names them.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

LIVE = ("PENDING", "CONFIRMED")


@dataclass(frozen=True, slots=True)
class Date:
    """One date of a concert, its seats at one price."""

    schedule_id: int
    room: str
    limit: int
    price: Decimal
    seats: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """A POST as it was sent."""

    visitor: str
    path: str
    key: str
    body: str

    @property
    def scope(self) -> tuple[str, str, str]:
        return self.visitor, self.path, self.key


@dataclass(slots=True)
class Booking:
    """A booking. EXPIRED: past its deadline. `written`: the database has been told so."""

    visitor: str
    date: Date
    seat: str
    token: str
    state: str = "PENDING"
    written: bool = False
    id: int = 0

    @property
    def reads(self) -> str:
        """The status that visitors see."""
        return "CANCELED" if self.state in {"EXPIRED", "CANCELED"} else self.state

    @property
    def unwritten(self) -> bool:
        return self.state == "EXPIRED" and not self.written


@dataclass(slots=True)
class Visitor:
    """Somebody with a balance and, in each room, the token they hold now."""

    tokens: dict[str, str]
    balance: Decimal = Decimal(0)
    #: (kind, amount, balance after, booking id or None), oldest first.
    ledger: list[tuple[str, Decimal, Decimal, int | None]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Expected:
    """What must be answered. `says`: fields of the body; `replays`: these bytes and no others."""

    status: int
    code: str = ""
    says: dict[str, Any] = field(default_factory=dict)
    replays: bytes | None = None
    made: tuple[Booking, ...] = ()


NOT_FOUND = Expected(404, "not_found")
FOREIGN = Expected(403, "queue_token_foreign")
DONE = Expected(204)


class Sale:
    """Everything that is sold, and to whom."""

    def __init__(self, dates: Iterable[Date]):
        self.dates = list(dates)
        self.visitors: dict[str, Visitor] = {}
        self.bookings: list[Booking] = []
        #: In the order in which their deadlines passed.
        self.expired: list[Booking] = []
        self.ended: dict[str, str] = {}
        self._first: dict[tuple[str, str, str], tuple[str, bytes]] = {}

    # Requests

    def hold(self, request: Request, date: Date, seats: list[str]) -> Expected:
        visitor = self.visitors[request.visitor]
        token = visitor.tokens[date.room]
        known = self._known(request)
        if known is not None:
            return known
        if token in self.ended:
            return Expected(403, "queue_token_expired", {"reason": self.ended[token]})
        unknown = [seat for seat in seats if seat not in date.seats]
        if unknown:
            return Expected(404, "not_found", {"seats": unknown})
        taken = sorted(seat for seat in seats if self.holder(date, seat))
        if taken:
            return Expected(409, "seat_taken", {"seats": taken})
        live = self.live(request.visitor, date)
        if live + len(seats) > date.limit:
            return Expected(409, "limit_exceeded", {"limit": date.limit, "live_seats": live})
        self._take_over(request.visitor, date, seats, live)
        made = tuple(Booking(request.visitor, date, seat, token) for seat in seats)
        self.bookings += made
        return Expected(201, says={"total": f"{date.price * len(seats)}"}, made=made)

    def pay(self, request: Request, ids: list[int], room: str) -> Expected:
        own = [b for b in self.of(request.visitor) if b.id in ids]
        if any(booking.date.room != room for booking in own):
            return FOREIGN
        known = self._known(request)
        if known is not None:
            return known
        if len(own) < len(ids):
            return NOT_FOUND
        expired = sorted(b.id for b in own if b.state == "EXPIRED")
        if expired:
            return Expected(410, "booking_expired", {"bookings": expired})
        final = sorted(b.id for b in own if b.state != "PENDING")
        if final:
            return Expected(409, "not_payable", {"bookings": final})
        return self._paid(self.visitors[request.visitor], own, ids, room)

    def cancel(self, name: str, booking: Booking, room: str) -> Expected:
        if booking.visitor != name:
            return NOT_FOUND
        if booking.date.room != room:
            return FOREIGN
        if booking.state == "CONFIRMED":
            return Expected(403, "forbidden")
        if booking.state == "PENDING":
            booking.state = "CANCELED"
        booking.written = True
        return DONE

    def charge(self, request: Request, amount: Decimal) -> Expected:
        known = self._known(request)
        if known is not None:
            return known
        visitor = self.visitors[request.visitor]
        visitor.balance += amount
        visitor.ledger.append(("CHARGE", amount, visitor.balance, None))
        return Expected(201, says={"balance": f"{visitor.balance:.2f}", "currency": "USD"})

    # What happens besides

    def remember(self, request: Request, raw: bytes) -> None:
        """A request succeeded with this answer."""
        self._first[request.scope] = (request.body, raw)

    def expire(self, booking: Booking) -> None:
        """The hold's deadline passes."""
        booking.state = "EXPIRED"
        self.expired.append(booking)

    def sweep(self, most: int) -> int:
        """The sweep writes down at most so many; returns how many."""
        found = [booking for booking in self.expired if booking.unwritten][:most]
        for booking in found:
            booking.written = True
        return len(found)

    def enter(self, name: str, room: str, token: str) -> None:
        """The visitor left and holds another token now."""
        visitor = self.visitors[name]
        self.ended.setdefault(visitor.tokens[room], "left")
        visitor.tokens[room] = token

    # What is true

    def holder(self, date: Date, seat: str) -> Booking | None:
        """Whose the seat is: at most one live booking (B1)."""
        found = [b for b in self.bookings if (b.date, b.seat) == (date, seat) and b.state in LIVE]
        assert len(found) <= 1
        return found[0] if found else None

    def seat_status(self, date: Date, seat: str) -> str:
        booking = self.holder(date, seat)
        if booking is None:
            return "AVAILABLE"
        return "RESERVED" if booking.state == "PENDING" else "SOLD"

    def live(self, name: str, date: Date) -> int:
        return sum(b.date == date and b.state in LIVE for b in self.of(name))

    def of(self, name: str) -> list[Booking]:
        """A visitor's bookings, oldest first."""
        return [booking for booking in self.bookings if booking.visitor == name]

    def rows(self) -> dict[int, tuple[str, str | None]]:
        """Status and reason as the table has them; what nobody wrote down still says PENDING."""
        reasons = {"EXPIRED": "expired", "CANCELED": "owner"}
        return {
            b.id: ("PENDING", None) if b.unwritten else (b.reads, reasons.get(b.state))
            for b in self.bookings
        }

    def counters(self) -> dict[tuple[str, int], int]:
        """Live seats as they are counted: with what nobody wrote down."""
        counted: dict[tuple[str, int], int] = {}
        for booking in self.bookings:
            counts = booking.state in LIVE or booking.unwritten
            scope = booking.visitor, booking.date.schedule_id
            counted[scope] = counted.get(scope, 0) + counts
        return counted

    def _known(self, request: Request) -> Expected | None:
        if request.scope not in self._first:
            return None
        body, raw = self._first[request.scope]
        if json.loads(body) == json.loads(request.body):
            return Expected(201, replays=raw)
        return Expected(422, "idempotency_key_reused")

    def _take_over(self, name: str, date: Date, seats: list[str], live: int) -> None:
        """What has ended is written down where it is in the way."""
        own = [b for b in self.of(name) if b.date == date and b.unwritten]
        if live + len(own) + len(seats) > date.limit:
            for booking in own:
                booking.written = True
        for booking in self.bookings:
            if booking.date == date and booking.seat in seats and booking.unwritten:
                booking.written = True

    def _paid(self, visitor: Visitor, own: list[Booking], ids: list[int], room: str) -> Expected:
        own = sorted(own, key=lambda booking: ids.index(booking.id))
        total = sum((booking.date.price for booking in own), Decimal(0))
        if visitor.balance < total:
            short = {
                "shortfall": f"{total - visitor.balance:.2f}",
                "balance": f"{visitor.balance:.2f}",
                "total": f"{total:.2f}",
            }
            return Expected(402, "insufficient_balance", short)
        for booking in own:
            booking.state = "CONFIRMED"
            price = booking.date.price
            visitor.balance -= price
            visitor.ledger.append(("PAYMENT", -price, visitor.balance, booking.id))
        mine = self.of(own[0].visitor)
        if not any(b.state == "PENDING" and b.date.room == room for b in mine):
            for booking in own:
                self.ended.setdefault(booking.token, "completed")
        payments = [
            {"concert_booking_id": b.id, "payment_amount": f"{b.date.price:.2f}"} for b in own
        ]
        return Expected(
            201,
            says={
                "payments": payments,
                "total": f"{total:.2f}",
                "balance": f"{visitor.balance:.2f}",
            },
        )
