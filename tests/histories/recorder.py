"""What clients asked and were told, written down seat by seat.

Begin and end are of the monotonic clock, taken right before the request was sent and right after
its answer was read. An operation on several seats is written down on each of them.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from booking_api.seat_maps import AGE_S_PER_SEAT
from tests.histories.checker import linearizable
from tests.histories.seat import Booking, Operation

#: A seat: its date and its number.
SeatName = tuple[int, str]

#: Deadlines are told in the store's wall clock, and are whole ms; ours is read beside it.
CLOCKS_APART_S = 0.005


@dataclass(frozen=True, slots=True)
class Hold:
    """A booking that a client was told of, its deadline on the monotonic clock."""

    booking: int
    seat: SeatName
    until: float


@dataclass(slots=True)
class Recorder:
    """All histories of a run.

    `requests`: how many of each kind were answered, by what they were told; `seat_reads`: what
    seat maps told of single seats; `offers`: seats that the waiting list offered.
    """

    histories: defaultdict[SeatName, list[Operation]] = field(
        default_factory=lambda: defaultdict(list)
    )
    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    seat_reads: int = 0
    offers: int = 0
    surprises: list[str] = field(default_factory=list)

    @property
    def operations(self) -> int:
        """One for each request, and one for each seat that a map told of."""
        return sum(self.requests.values()) + self.seat_reads

    def held(self, begin: float, end: float, schedule: int, bookings: list[Any]) -> list[Hold]:
        """A hold that was answered with these bookings."""
        holds = []
        for booking in bookings:
            until = monotonic_of(booking["expiration_at"])
            hold = Hold(booking["concert_booking_id"], (schedule, booking["seat_number"]), until)
            self._note(hold.seat, "hold", begin, end, "done", hold)
            holds.append(hold)
        return holds

    def taken(self, begin: float, end: float, schedule: int, seats: Iterable[str]) -> None:
        """A hold refused because of these seats; of the others it says nothing."""
        for seat in seats:
            self._note((schedule, seat), "hold", begin, end, "taken")

    def extended(self, begin: float, end: float, hold: Hold, booking: Any) -> Hold:
        """An extension that was answered with this booking; the hold with its new deadline."""
        longer = replace(hold, until=monotonic_of(booking["expiration_at"]))
        self._note(hold.seat, "extend", begin, end, "done", longer)
        return longer

    def not_extended(self, begin: float, end: float, hold: Hold, told: str) -> None:
        """An extension refused: 'expired' or 'ended'."""
        self._note(hold.seat, "extend", begin, end, told, hold)

    def paid(self, begin: float, end: float, holds: Iterable[Hold], told: str = "done") -> None:
        """A payment; refused, it is told of those holds that were the reason."""
        for hold in holds:
            self._note(hold.seat, "pay", begin, end, told, hold)

    def canceled(self, begin: float, end: float, hold: Hold, told: str = "done") -> None:
        """A cancellation, or its refusal: 'sold'."""
        self._note(hold.seat, "cancel", begin, end, told, hold)

    def given_back(self, begin: float, end: float, hold: Hold, told: str = "done") -> None:
        """A cancellation where what is sold can be given back, or its refusal: 'ended'."""
        self._note(hold.seat, "refund", begin, end, told, hold)

    def looked(self, begin: float, end: float, schedule: int, seats: list[Any]) -> None:
        """A seat map: one read of each of its seats, as young as the map says that it is."""
        self.seat_reads += len(seats)
        begin -= len(seats) * AGE_S_PER_SEAT
        for seat in seats:
            self._note((schedule, seat["seat_number"]), "read", begin, end, seat["status"])

    def looked_up(self, begin: float, end: float, hold: Hold, status: str) -> None:
        """A booking, read by its owner."""
        self._note(hold.seat, "read", begin, end, status, hold)

    def unexplained(self) -> dict[SeatName, list[Operation]]:
        """The histories that no seat can have told."""
        return {
            name: history for name, history in self.histories.items() if not linearizable(history)
        }

    def _note(
        self, seat: SeatName, kind: Any, begin: float, end: float, told: str, of: Hold | None = None
    ) -> None:
        booking: Booking | None = None
        lapses = (0.0, 0.0)
        if of is not None:
            booking = of.booking
            lapses = (of.until - CLOCKS_APART_S, of.until + CLOCKS_APART_S)
        self.histories[seat].append(Operation(kind, begin, end, told, booking, *lapses))


def monotonic_of(moment: str) -> float:
    """The monotonic clock's time at a moment of the wall clock (RFC 3339)."""
    return datetime.fromisoformat(moment).timestamp() - time.time() + time.monotonic()
