"""The seats that a room guards, in plain Python: who may come in for them."""

from dataclasses import dataclass, field, replace

#: Figures say nothing any more when nobody renewed them for longer.
KEPT_MS = 10_000
ANY_NUMBER = 10**9


@dataclass(frozen=True)
class Seats:
    """How many there are, by a count of this version."""

    version: int
    available: int
    reserved: int
    sold: int
    at_ms: int = 0

    @property
    def status(self) -> str:
        if self.available or not (self.reserved or self.sold):
            return "on_sale"
        return "held_out" if self.reserved else "sold_out"


@dataclass
class BySeat:
    """What a room knows of its seats. `phase`: '', 'by_seat' or 'over'.

    `called`: numbers let in for seats that were free again, as long as they have none.
    """

    seats: Seats | None = None
    phase: str = ""
    called: set[int] = field(default_factory=set)

    def known(self, now: int) -> Seats | None:
        """What was told lately."""
        lately = self.seats is not None and now - self.seats.at_ms <= KEPT_MS
        return self.seats if lately else None

    def left(self, now: int) -> int:
        """For how many there is a seat, where seats decide."""
        seats = self.known(now)
        if seats is None or self.phase != "by_seat":
            return ANY_NUMBER
        return max(0, seats.available - len(self.called))

    def is_old(self, now: int, seats: Seats) -> bool:
        """Whether a later count was told."""
        known = self.known(now)
        return known is not None and seats.version < known.version

    def told(self, now: int, seats: Seats, served: set[int], *, ends: bool) -> bool:
        """A count; whether it ends the sale."""
        self.seats = replace(seats, at_ms=now)
        self.called -= served
        if not ends:
            return False
        if not seats.available:
            self.called.clear()
        if seats.status == "sold_out":
            was, self.phase = self.phase, "over"
            return was != "over"
        if seats.available if self.phase == "over" else seats.status == "held_out":
            self.phase = "by_seat"
        return False

    def admitted(self, number: int) -> None:
        if self.phase == "by_seat":
            self.called.add(number)

    def forget(self) -> None:
        """Begin anew."""
        self.phase = ""
        self.called.clear()
