"""What the crowd writes down: every request, every surprise, every receipt."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """The kinds of requests that figures are given for, in the order of a visit."""

    SIGN_UP = "sign up"
    CHARGE = "charge"
    JOIN = "join"
    POLL = "poll"
    LEAVE = "leave"
    SCHEDULES = "schedules"
    SEATS = "seats"
    HOLD = "hold"
    CANCEL = "cancel"
    PAY = "pay"
    ROOM = "room"
    ADMIN = "admin"


class Outcome(StrEnum):
    """How a visit ended. Every visitor has exactly one."""

    BOUGHT = "bought"
    SOLD_OUT = "found it sold out"
    GAVE_UP_WAITING = "gave up in the line"
    GAVE_UP_INSIDE = "gave up inside"
    LOOKED = "looked and left"
    CANCELED = "canceled and left"
    LEFT_THE_LINE = "left the line"
    VANISHED_IN_THE_LINE = "vanished in the line"
    VANISHED_INSIDE = "vanished inside"
    VANISHED_WITH_HOLD = "vanished with a hold"
    ROOM_CLOSED = "met a closed room"
    FAILED = "failed"


# Statuses of requests that brought no answer.
REFUSED = "refused"
LOST = "lost"
TIMEOUT = "timeout"

VISIT = "visit"  # the kind of a surprise that belongs to no single request

LISTED = 50  # surprises kept with their words; beyond that they are only counted


@dataclass(slots=True)
class Requests:
    """All requests of one kind: how long each took, in milliseconds, and how each ended."""

    latencies_ms: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Surprise:
    """An answer that the contract does not know."""

    visitor: str
    kind: str
    what: str

    def __str__(self) -> str:
        return f"{self.visitor}, {self.kind}: {self.what}"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A payment answered with 201: what the client may rely on for ever."""

    visitor: str
    payment_id: int
    concert_booking_id: int
    seat: tuple[int, str]  # concert_schedule_id, seat_number
    amount: str


@dataclass(slots=True)
class Record:
    """One client process's notebook."""

    requests: dict[Kind, Requests] = field(default_factory=dict)
    surprises: list[Surprise] = field(default_factory=list)
    surprise_count: int = 0
    events: Counter[str] = field(default_factory=Counter)
    waits_s: list[float] = field(default_factory=list)
    queued_ms: list[float] = field(default_factory=list)  # each request, for a connection

    def request(self, kind: Kind, status: str, latency_ms: float) -> None:
        """Note one request; `status` is the HTTP status or one of REFUSED, LOST, TIMEOUT."""
        requests = self.requests.get(kind)
        if requests is None:
            requests = self.requests[kind] = Requests()
        requests.latencies_ms.append(latency_ms)
        requests.statuses[status] += 1

    def surprise(self, visitor: str, kind: str, what: str) -> None:
        """Note what must not happen; one is enough to fail the run."""
        self.surprise_count += 1
        if len(self.surprises) < LISTED:
            self.surprises.append(Surprise(visitor, kind, what))

    def add(self, other: "Record") -> None:
        """Take another process's notebook in."""
        for kind, theirs in other.requests.items():
            ours = self.requests.setdefault(kind, Requests())
            ours.latencies_ms += theirs.latencies_ms
            ours.statuses += theirs.statuses
        self.surprises += other.surprises[: LISTED - len(self.surprises)]
        self.surprise_count += other.surprise_count
        self.events += other.events
        self.waits_s += other.waits_s
        self.queued_ms += other.queued_ms

    @property
    def total_requests(self) -> int:
        """Requests sent so far, of every kind."""
        return sum(len(requests.latencies_ms) for requests in self.requests.values())
