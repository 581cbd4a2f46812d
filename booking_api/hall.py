"""A date's seats as a process keeps them: what the last reading saw, and what changed since when.

A version `v` stands for: every transaction below `v` is in here. So the changes since `v` are the
seats whose last change has a number from `v` on, and those whose hold has ended by itself, which
nobody wrote down yet. That may repeat a seat, and misses none (see queries/seat_map.sql).
"""

from bisect import bisect_left, insort
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from booking_api.seat_rows import AVAILABLE, LETTERS, RESERVED, Row

#: The changes of so many readings are kept for those who follow them.
READINGS_KEPT = 64
#: Seats that are rendered together.
CHUNK = 250


@dataclass(slots=True, eq=False)
class Seat:
    """A seat. `changed`: the number of the transaction that changed it last."""

    id: int
    number: str
    price: Decimal
    section: str
    row_name: str | None
    place: int | None
    band: str
    status: int
    changed: int
    rank: int = 0
    row: Row | None = None
    at: int = 0
    #: As it is shown, without its status.
    shown: bytes = b""

    @classmethod
    def of(cls, read: "Mapping[str, Any]") -> "Seat":
        return cls(
            read["concert_seat_id"],
            read["seat_number"],
            read["price"],
            read["section"],
            None if read["place"] is None else read["seat_row"],
            read["place"],
            read["band"],
            LETTERS[read["status"]],
            read["changed_xid"],
        )

    @property
    def layout(self) -> tuple[Any, ...]:
        """What a sale does not change."""
        return (self.number, self.price, self.section, self.row_name, self.place, self.band)

    @property
    def digest(self) -> int:
        """Of its status. Hashes of whole numbers are the same in every process."""
        return hash((self.id, self.status))


class Hall:
    """All seats of a date, in the order of loading, as of one moment."""

    def __init__(self, schedule_id: int, read: "Sequence[Mapping[str, Any]]"):
        """`read`: the rows of a whole map, at least one. Takes a moment for a large hall."""
        self.schedule_id = schedule_id
        self._see(read[0])
        rows = [row for row in read if row["concert_seat_id"] is not None]
        self.seats = {row["concert_seat_id"]: Seat.of(row) for row in rows}
        self.rows = list(_rows(self.seats.values()))
        self.counts = Counter(seat.status for seat in self.seats.values())
        self._overdue = {row["concert_seat_id"] for row in rows if row["overdue"]}
        self._ahead: list[Seat] = []
        self._log = sorted((seat.changed, seat.id) for seat in self.seats.values())
        self._digest = sum(seat.digest for seat in self.seats.values())
        #: (number of the reading, seats that it changed), the newest last.
        self._readings: deque[tuple[int, list[int]]] = deque(maxlen=READINGS_KEPT)
        self.reading = 0
        #: What was rendered of it as it is now, and of what a sale does not change.
        self.rendered: dict[Any, Any] = {}
        self.frames: dict[Any, Any] = {}
        #: The same for as many seats as CHUNK, one after the other; None after one of them changed.
        self.chunks: list[bytes | None] = [None] * -(-len(self.seats) // CHUNK)
        #: Equal as long as no seat is added, and none gets another price or place.
        self.layout = ""

    def _see(self, head: "Mapping[str, Any]") -> None:
        self.version: int = head["version"]
        self.snapshot: str = head["snapshot"]
        self.removed: int = head["removed"]
        self.avoid_orphans: bool = head["avoid_orphans"]

    @property
    def etag(self) -> str:
        """Of the seats alone, the same in all processes: the version moves without them."""
        return f"{self.layout}.{self._digest % 2**64:x}"

    def knows(self, since: int) -> bool:
        """Whether changes since that version tell all that happened after it."""
        return self.removed < since <= self.version

    def fits(self, read: "Sequence[Mapping[str, Any]]") -> bool:
        """Whether a reading of changes goes on from here: the same seats, and time goes forward."""
        if read[0]["version"] < self.version:
            return False  # the database was restored
        if read[0]["removed"] != self.removed:
            return False
        for row in read:
            if row["concert_seat_id"] is not None:
                seat = self.seats.get(row["concert_seat_id"])
                if seat is None or seat.layout != Seat.of(row).layout:
                    return False
        return True

    def follow(self, read: "Sequence[Mapping[str, Any]]") -> None:
        """Take in a reading of changes that `fits`, up to its moment."""
        if read[0]["version"] != self.version:
            self.rendered.clear()
        while self._ahead:
            seat = self._ahead.pop()
            self._show(seat)
        unread = read[0]["snapshot"] == self.snapshot and read[0]["concert_seat_id"] is None
        self._see(read[0])
        rows = [row for row in read if row["concert_seat_id"] is not None]
        if not unread:
            self._overdue = {row["concert_seat_id"] for row in rows if row["overdue"]}
        changed = [row["concert_seat_id"] for row in rows if self._change(row)]
        if changed:
            self.rendered.clear()
            self.reading += 1
            self._readings.append((self.reading, changed))
        if len(self._log) > 2 * len(self.seats) + 1000:
            self._log = [entry for entry in self._log if self.seats[entry[1]].changed == entry[0]]

    def _change(self, row: "Mapping[str, Any]") -> bool:
        """Whether what is shown of the seat changed."""
        seat, status = self.seats[row["concert_seat_id"]], LETTERS[row["status"]]
        if seat.changed != row["changed_xid"]:
            seat.changed = row["changed_xid"]
            insort(self._log, (seat.changed, seat.id))
        if seat.status == status:
            return False
        self._digest -= seat.digest
        self.counts[seat.status] -= 1
        seat.status = status
        self._digest += seat.digest
        self.counts[status] += 1
        self.chunks[seat.rank // CHUNK] = None
        self._show(seat)
        return True

    def _show(self, seat: Seat) -> None:
        """Its row is told of its status."""
        if seat.row is not None and seat.row.statuses[seat.at] != seat.status:
            seat.row.change(seat.at, seat.status)

    def take(self, seat_ids: Iterable[int]) -> None:
        """Count seats as taken, until the next reading says what they are."""
        for seat_id in seat_ids:
            seat = self.seats.get(seat_id)
            if seat is not None and seat.row is not None and seat.status == AVAILABLE:
                seat.row.change(seat.at, RESERVED)
                self._ahead.append(seat)

    def since(self, version: int) -> list[Seat]:
        """At least the seats that changed since a version that it `knows`, in their order."""
        newer = self._log[bisect_left(self._log, (version, 0)) :]
        ids = {seat_id for changed, seat_id in newer if self.seats[seat_id].changed == changed}
        return [self.seats[seat_id] for seat_id in sorted(ids | self._overdue)]

    def after(self, reading: int) -> list[Seat] | None:
        """The seats that changed after the reading of that number; None when it is too old."""
        if self.reading - reading > len(self._readings) or reading > self.reading:
            return None
        ids = {each for number, ids in self._readings if number > reading for each in ids}
        return [self.seats[seat_id] for seat_id in sorted(ids)]


def _rows(seats: "Iterable[Seat]") -> Iterator[Row]:
    """The rows of seats that come in the order of loading, in the order of their best seats."""
    found: dict[Any, list[tuple[int, Seat]]] = {}
    for rank, seat in enumerate(seats):
        alone = rank if seat.row_name is None else None
        found.setdefault((seat.section, seat.row_name, alone), []).append((rank, seat))
    for ranked in found.values():
        ranked.sort(key=lambda each: (each[1].place or 0, each[0]))
        row = Row(
            ranked[0][1].section,
            ranked[0][1].row_name,
            [seat.id for _, seat in ranked],
            [rank for rank, _ in ranked],
            [seat.place or 0 for _, seat in ranked],
            [seat.price for _, seat in ranked],
            bytearray(seat.status for _, seat in ranked),
        )
        for at, (rank, seat) in enumerate(ranked):
            seat.rank, seat.row, seat.at = rank, row, at
        yield row
