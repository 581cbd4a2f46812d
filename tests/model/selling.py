"""The words of the sale's model: dates, bookings, visitors, requests, and what must be answered."""

import json
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal
from typing import Any

LIVE = ("PENDING", "CONFIRMED")
HOLD_TTL_S, EXTENSION_S, OFFER_TTL_S = 300, 120, 900
CENT = Decimal("0.01")


@dataclass(eq=False, slots=True)
class Date:
    """One date of a concert, its seats at one price.

    `refund_percent`: what an owner gets back, until `refunds_closed`. `churn`: seats that may be
    let go in an hour, 0 for any number. `state`: on_sale, stopped or canceled.
    """

    schedule_id: int
    room: str
    limit: int
    price: Decimal
    seats: tuple[str, ...]
    refund_percent: int = 0
    avoid_orphans: bool = False
    churn: int = 0
    state: str = "on_sale"
    refunds_closed: bool = False


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


@dataclass(eq=False, slots=True)
class Booking:
    """A booking. EXPIRED: past its deadline. `written`: the database has been told so.

    `reason`: why it is CANCELED. `paid`, `refunded`: money.
    """

    visitor: str
    date: Date
    seat: str
    token: str
    state: str = "PENDING"
    written: bool = False
    reason: str = ""
    extended: bool = False
    ttl_s: int = HOLD_TTL_S
    paid: Decimal | None = None
    refunded: Decimal = Decimal(0)
    id: int = 0

    @property
    def reads(self) -> str:
        """The status that visitors see."""
        return "CANCELED" if self.state in {"EXPIRED", "CANCELED"} else self.state

    @property
    def unwritten(self) -> bool:
        return self.state == "EXPIRED" and not self.written

    @property
    def left(self) -> Decimal:
        """What of its payment was not given back."""
        return Decimal(0) if self.paid is None else self.paid - self.refunded


@dataclass(eq=False, slots=True)
class Entry:
    """A place in a date's waiting list: WAITING, OFFERED a booking, or ENDED."""

    visitor: str
    date: Date
    token: str
    status: str = "WAITING"
    reason: str = ""
    booking: Booking | None = None
    id: int = 0

    @property
    def lapsed(self) -> bool:
        """Offered, and past its deadline, which nobody wrote down."""
        return self.status == "OFFERED" and self.booking is not None and self.booking.unwritten

    def end(self, reason: str) -> None:
        self.status, self.reason = "ENDED", reason


@dataclass(slots=True)
class Visitor:
    """Somebody with a balance and, in each room, the token they hold now."""

    tokens: dict[str, str]
    balance: Decimal = Decimal(0)
    #: (kind, amount, balance after, booking id or None), oldest first.
    ledger: list[tuple[str, Decimal, Decimal, int | None]] = field(default_factory=list)

    def move(self, kind: str, amount: Decimal, booking: int | None = None) -> None:
        """A movement of the balance."""
        self.balance += amount
        self.ledger.append((kind, amount, self.balance, booking))


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
FORBIDDEN = Expected(403, "forbidden")
STOPPED = Expected(409, "sale_stopped")
LIST_FIRST = Expected(409, "seat_taken")
DONE = Expected(204)


class Books:
    """What is kept of a sale, and what is true of it."""

    def __init__(self, dates: list[Date]):
        self.dates = dates
        self.visitors: dict[str, Visitor] = {}
        self.bookings: list[Booking] = []
        #: Places in waiting lists, in the order in which they were taken.
        self.entries: list[Entry] = []
        #: In the order in which their deadlines passed.
        self.expired: list[Booking] = []
        #: Tokens that are over, with their reason.
        self.ended: dict[str, str] = {}
        #: By visitor and date: the seats let go unpaid, as far as it is written down.
        self.let_go: dict[tuple[str, int], int] = {}
        self._first: dict[tuple[str, str, str], tuple[str, bytes]] = {}

    def holder(self, date: Date, seat: str) -> Booking | None:
        """Whose the seat is: at most one live booking (B1)."""
        found = [b for b in self.bookings if b.date is date and b.seat == seat and b.state in LIVE]
        assert len(found) <= 1
        return found[0] if found else None

    def seat_status(self, date: Date, seat: str) -> str:
        booking = self.holder(date, seat)
        if booking is None:
            return "AVAILABLE"
        return "RESERVED" if booking.state == "PENDING" else "SOLD"

    def live(self, name: str, date: Date) -> int:
        """Live seats of a visitor on a date."""
        return sum(b.date is date and b.state in LIVE for b in self.of(name))

    def of(self, name: str) -> list[Booking]:
        """A visitor's bookings, oldest first."""
        return [booking for booking in self.bookings if booking.visitor == name]

    def rows(self) -> dict[int, tuple[str, str | None]]:
        """Status and reason as the table has them; what nobody wrote down still says PENDING."""
        return {
            b.id: ("PENDING", None) if b.unwritten else (b.reads, b.reason or None)
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

    def waiting(self, date: Date) -> list[Entry]:
        """Who waits for a seat of the date, the first one first."""
        return [e for e in self.entries if e.date is date and e.status == "WAITING"]

    def offer_ends(self, booking: Booking, reason: str) -> None:
        """Where a booking was an offer of the waiting list, that is over."""
        for entry in self.entries:
            if entry.booking is booking and entry.status == "OFFERED":
                entry.end(reason)

    def remember(self, request: Request, raw: bytes) -> None:
        """A request succeeded with this answer."""
        self._first[request.scope] = (request.body, raw)

    def known(self, request: Request) -> Expected | None:
        """What a request is answered that came before; None for a new one."""
        if request.scope not in self._first:
            return None
        body, raw = self._first[request.scope]
        if json.loads(body or "{}") == json.loads(request.body or "{}"):
            return Expected(201, replays=raw)
        return Expected(422, "idempotency_key_reused")

    def write(self, booking: Booking, reason: str) -> None:
        """It is written down that a live or expired booking has ended."""
        held = booking.state != "CONFIRMED"
        if booking.state == "EXPIRED":
            reason = "expired"
        else:
            booking.state = "CANCELED"
        booking.reason, booking.written = reason, True
        self.offer_ends(booking, "lapsed")
        scope = booking.visitor, booking.date.schedule_id
        if held and reason in {"owner", "expired"}:
            self.let_go[scope] = self.let_go.get(scope, 0) + 1


def part(amount: Decimal, percent: int) -> Decimal:
    """So many percent of an amount, rounded down to the cent."""
    return (amount * percent / 100).quantize(CENT, ROUND_DOWN)
