"""A room at one moment: what everybody, its visitors and operators are told of it."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self, cast

import msgspec

from queue_gateway.answers import (
    LaneNow,
    OperatorsRoom,
    Room,
    RoomReason,
    Sale,
    SaleNow,
    SaleStatus,
    State,
    Wait,
)
from queue_gateway.eta import Outlook, Pace
from shared.places import Status, timestamp
from shared.seats_left import DatesLeft

#: Dates that a room shows of its sale in a list of rooms, which shows many of them.
LISTED_DATES = 5


class Seats(NamedTuple):
    """The seats that a room guards. `may_come`: for how many there is one; None where seats decide
    about nobody."""

    status: SaleStatus
    available: int
    reserved: int
    sold: int
    may_come: int | None

    @classmethod
    def parse(cls, row: list[Any]) -> Self | None:
        """Of what `view.lua` returns; None where nothing is known."""
        if not row:
            return None
        status, available, reserved, sold, left = row
        return cls(status, available, reserved, sold, None if left < 0 else left)


@dataclass(frozen=True, slots=True)
class RoomView:
    """A room's settings and figures at one moment of the store's clock.

    `lanes`: how many wait in each, in the operator's order; a room without lanes has one, without a
    name. `pace`: the oldest ten seconds first.
    """

    room_id: str
    now_ms: int
    active: int
    lanes: dict[str, int]
    settings: dict[str, str]
    pace: tuple[Pace, ...]
    seats: Seats | None = None
    _outlooks: dict[str | None, Outlook | None] = field(
        default_factory=dict, repr=False, compare=False
    )
    #: What those who wait in a lane are told alike, by whoever tells them.
    forms: dict[str | None, bytes] = field(default_factory=dict, repr=False, compare=False)
    _sales: dict[int | None, Sale] = field(default_factory=dict, repr=False, compare=False)

    @property
    def waiting(self) -> int:
        """WAIT tokens, in all lanes."""
        return sum(self.lanes.values())

    def admitted(self, slots: int) -> int:
        """Admissions of the last `slots` times ten seconds, the running one included."""
        return sum(slot.admitted for slot in self.pace[-slots:])

    def public(self, dates: int | None = None) -> Room:
        """What everybody may see; of its sale so many dates, else all that are kept."""
        return Room(**self._figures(dates))

    def operator(self) -> OperatorsRoom:
        """The settings under the names of PUT, plus version, and the public figures."""
        numbers = ("max_active", "admit_per_minute", "active_ttl_s", "claim_ttl_s", "idle_ttl_s")
        settings: dict[str, Any] = {name: int(self.settings[name]) for name in numbers}
        compensates = self.settings.get("compensate_no_shows") == "1"
        return OperatorsRoom(
            **self._figures(),
            **settings,
            compensate_no_shows=compensates,
            ends_with_sale=self.settings.get("ends_with_sale") == "1",
            version=self.version,
        )

    @property
    def version(self) -> int:
        return int(self.settings["version"])

    @property
    def state(self) -> State:
        return cast("State", self.settings["state"])

    @property
    def opens_at(self) -> str | None:
        opens_at_ms = self.settings["opens_at_ms"]
        return timestamp(int(opens_at_ms)) if opens_at_ms else None

    @property
    def anonymous(self) -> bool:
        return self.settings.get("identity") == "anonymous"

    @property
    def admitting(self) -> bool:
        """Whether anybody may be let in: open or draining, not before the opening, and not while
        all seats are held in a room that ends with its sale (A4)."""
        return self.state in ("open", "draining") and self.opened and not self.held_out

    @property
    def held_out(self) -> bool:
        """Whether nobody may come in because there is no seat to come in for."""
        return self.seats is not None and self.seats.may_come == 0

    @property
    def reason(self) -> RoomReason | None:
        """Why the room is closed."""
        if self.state != "closed":
            return None
        return cast("RoomReason", self.settings.get("closed_reason", "closed"))

    @property
    def sale_now(self) -> SaleNow | None:
        """How the sale stands; None where the room guards nothing that is on sale."""
        return self.seats and SaleNow(self.seats.status, self.seats.available)

    def sale(self, dates: int | None) -> Sale | None:
        """The same, with so many of its dates."""
        if self.seats is None:
            return None
        if dates not in self._sales:  # once, however many ask
            self._sales[dates] = self._read_sale(self.seats, dates)
        return self._sales[dates]

    def _read_sale(self, seats: Seats, dates: int | None) -> Sale:
        left = msgspec.json.decode(self.settings["dates"], type=DatesLeft)
        shown = left.schedules[:dates]
        return Sale(
            status=seats.status,
            seats_available=seats.available,
            seats_reserved=seats.reserved,
            seats_sold=seats.sold,
            currency=left.currency,
            schedules=shown,
            more_schedules=left.more_schedules + len(left.schedules) - len(shown),
        )

    @property
    def opened(self) -> bool:
        return int(self.settings["opens_at_ms"] or 0) <= self.now_ms

    @property
    def counted_from(self) -> int:
        """The first generation that counts: earlier ones were rehearsals."""
        return int(self.settings.get("counted_from", 0))

    def counted(self, what: str) -> int:
        """A total since the room was made or reset: `admitted`, or a reason of ends."""
        return int(self.settings.get(f"counted_{what}", 0))

    def eta_s(self, status: Status) -> Wait | None:
        """How long a WAIT token will wait; None where the line cannot move or nothing was seen."""
        if status.position is None:
            return None
        if status.lane not in self._outlooks:  # once, however many ask
            self._outlooks[status.lane] = self._look_ahead(status.lane)
        outlook = self._outlooks[status.lane]
        return None if outlook is None else outlook.wait(status.position)

    def _look_ahead(self, name: str | None) -> Outlook | None:
        if not self.admitting:
            return None
        # Where seats decide who comes in, how the line moved says nothing.
        if self.seats and self.seats.may_come is not None and self.seats.may_come < self.waiting:
            return None
        return Outlook(self.pace, list(self.lanes).index(name) if name in self.lanes else 0)

    def _figures(self, dates: int | None = None) -> dict[str, Any]:
        weights = [part.split(":") for part in self.settings.get("lanes", "").split(",") if part]
        return {
            "room_id": self.room_id,
            "title": self.settings["title"],
            "state": self.settings["state"],
            "reason": self.reason,
            "opens_at": self.opens_at,
            "identity": self.settings.get("identity", "required"),
            "serving_number": int(self.settings["serving_number"]),
            "waiting": self.waiting,
            "active": self.active,
            "admitted_per_minute": self.admitted(6),
            "lanes": [
                LaneNow(lane=name, weight=int(weight), waiting=self.lanes.get(name, 0))
                for name, weight, _ in weights
            ],
            "sale": self.sale(dates),
        }
