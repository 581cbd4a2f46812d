"""The operator's part of a run: a room, a concert, a date and seats of its own."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil, isqrt
from random import Random
from secrets import token_hex
from typing import Any

import asyncpg

from onsale.rush.client import Answer, Client
from onsale.rush.oracle import Rules
from onsale.rush.record import Kind
from onsale.rush.seating import row_name
from onsale.rush.target import Target

WHO = "operator"

# Price bands from the front: share of the rows, price.
BANDS = ((0.2, "120.00"), (0.4, "80.00"), (0.4, "45.00"))

# The line is through after this share of the patience, which leaves the rest to those who wait
# for seats that come back from lost and abandoned holds.
ADMISSION_SHARE = 0.5
ADMITTED_PER_S = 25  # a small crowd need not wait that long
# How many are inside at once. Shopping takes some seconds at that rate; of a big crowd those who
# vanished inside hold a slot for INSIDE_AT_MOST_S, and what is left has to do for the others.
INSIDE_SHARE = 0.25
INSIDE_S = 12
INSIDE_AT_MOST_S = 60

# One small machine serves about this many a second with all that each of them asks for.
SERVED_PER_S = 40
PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Terms:
    """A room's and a date's settings, chosen so that the sale fits into the patience."""

    max_active: int
    admit_per_minute: int
    active_ttl_s: int
    claim_ttl_s: int
    idle_ttl_s: int
    hold_ttl_s: int

    @classmethod
    def fitting(cls, visitors: int, patience_s: float) -> "Terms":
        """Deadlines are short, so that what vanishes comes back while somebody still waits."""
        admission_s = max(1.0, min(patience_s * ADMISSION_SHARE, visitors / ADMITTED_PER_S))
        per_s = visitors / admission_s
        return cls(
            max_active=max(10, ceil(min(visitors * INSIDE_SHARE, per_s * INSIDE_S))),
            admit_per_minute=ceil(60 * per_s),
            active_ttl_s=max(5, min(INSIDE_AT_MOST_S, ceil(patience_s / 2))),
            # Both bound how rarely a waiting visitor polls: half of one, a third of the other.
            claim_ttl_s=max(2, min(20, ceil(patience_s / 6))),
            idle_ttl_s=max(6, min(60, ceil(patience_s / 2))),
            hold_ttl_s=max(3, min(8, ceil(patience_s / 7))),
        )


def fitting_patience_s(visitors: int) -> float:
    """A patience with which this machine can let the whole crowd in: a minute, more for many."""
    return max(PATIENCE_S, visitors / SERVED_PER_S / ADMISSION_SHARE)


@dataclass(frozen=True, slots=True)
class Goods:
    """What is sold: a concert and the room that guards it.

    `own`: made for this run alone. `before`: how a room that is rehearsed stood before.
    """

    room_id: str
    concert_id: int
    own: bool
    before: dict[str, Any] | None = None


class Occupied(Exception):
    """Somebody is in the room that should be rehearsed."""


class BoxOffice:
    """Speaks the admin API of both services."""

    def __init__(self, client: Client, target: Target) -> None:
        self._client = client
        self._target = target
        self._dice = Random()  # noqa: S311 -- jitter between retries

    async def open_sale(self, visitors: int, seats: int, patience_s: float) -> Goods:
        """Make a room, a concert, a date and its hall. Raises Unexpected, Unreachable."""
        return await self.open_room(
            f"Rush of {visitors}", Terms.fitting(visitors, patience_s), seats
        )

    async def open_room(self, title: str, terms: Terms, seats: int, state: str = "open") -> Goods:
        """The same on these terms. Raises Unexpected, Unreachable."""
        name = f"rush-{token_hex(4)}"
        await self._ask(
            "PUT",
            self._room(name),
            {
                "title": title,
                "state": state,
                "max_active": terms.max_active,
                "admit_per_minute": terms.admit_per_minute,
                "active_ttl_s": terms.active_ttl_s,
                "claim_ttl_s": terms.claim_ttl_s,
                "idle_ttl_s": terms.idle_ttl_s,
            },
            {"If-Match": "*"},
        )
        concert_id = await self._open_concert(name, seats, terms.hold_ttl_s)
        return Goods(name, concert_id, own=True)

    async def set_state(self, room_id: str, state: str) -> None:
        """Open, pause or close a room. Raises Unexpected, Unreachable."""
        await self._ask("PUT", self._room(room_id), {"state": state}, {"If-Match": "*"})

    async def stats(self, room_id: str) -> dict[str, Any]:
        """A room's figures since it was made. Raises Unexpected, Unreachable."""
        found: dict[str, Any] = (await self._ask("GET", f"{self._room(room_id)}/stats", None)).body
        return found

    async def open_rehearsal(self, room_id: str, seats: int, patience_s: float) -> Goods:
        """Open somebody's room, with a concert of our own behind it, as long as nobody is in it.

        Raises Occupied, Unexpected, Unreachable.
        """
        path = self._room(room_id)
        before = (await self._ask("GET", path, None)).body
        if before["waiting"] or before["active"]:
            raise Occupied(f"{before['waiting']} wait in {room_id}, {before['active']} are inside")
        hold_ttl_s = Terms.fitting(1, patience_s).hold_ttl_s
        concert_id = await self._open_concert(room_id, seats, hold_ttl_s)
        opened = {"state": "open", "opens_at": None}
        await self._ask("PUT", path, opened, {"If-Match": f'"{before["version"]}"'})
        return Goods(room_id, concert_id, own=False, before=before)

    async def close_rehearsal(self, goods: Goods) -> None:
        """Leave the room as it was, and nothing of the rehearsal in sight."""
        path = self._room(goods.room_id)
        concert = f"{self._target.booking_url}/v1/admin/concerts/{goods.concert_id}"
        await self._ask("DELETE", concert, None)
        await self._ask("POST", f"{path}/reset", None)
        before = {name: (goods.before or {})[name] for name in ("state", "opens_at")}
        await self._ask("PUT", path, before, {"If-Match": "*"})

    async def _open_concert(self, room_id: str, seats: int, hold_ttl_s: int) -> int:
        """A concert with one date and its hall, behind a room; its id."""
        admin = f"{self._target.booking_url}/v1/admin"
        concert = await self._ask(
            "POST",
            f"{admin}/concerts",
            {"concert_name": f"Concert of {token_hex(4)}", "room_id": room_id},
        )
        concert_id = concert.body["concert_id"]
        evening = datetime.now(UTC) + timedelta(days=30)
        schedule = await self._ask(
            "POST",
            f"{admin}/concerts/{concert_id}/schedules",
            {
                "schedule_date": evening.strftime("%Y-%m-%dT20:00:00Z"),
                "hold_ttl_s": hold_ttl_s,
            },
        )
        schedule_id = schedule.body["concert_schedule_id"]
        await self._ask("POST", f"{admin}/schedules/{schedule_id}/seats", {"seats": hall(seats)})
        return int(concert_id)

    async def rules(self, room_id: str) -> Rules:
        """What the room's operator set. Raises Unexpected, Unreachable."""
        room = (await self._ask("GET", self._room(room_id), None)).body
        return Rules(room["max_active"], room["admit_per_minute"], room["version"])

    def _room(self, room_id: str) -> str:
        return f"{self._target.gateway_url}/v1/admin/rooms/{room_id}"

    async def _ask(
        self, method: str, url: str, body: object, headers: dict[str, str] | None = None
    ) -> Answer:
        return await self._client.ask(
            Kind.ADMIN,
            method,
            url,
            who=WHO,
            dice=self._dice,
            headers={"Authorization": f"Bearer {self._target.admin_key}", **(headers or {})},
            body=body,
        )


def hall(seats: int) -> list[dict[str, str]]:
    """A hall of this many seats, a little wider than deep; the front rows are the dearest."""
    width = max(1, min(50, isqrt(seats * 3 // 2)))
    depth = ceil(seats / width)
    return [
        {
            "seat_number": f"{row_name(index // width)}-{index % width + 1}",
            "price": _price(index // width / depth),
        }
        for index in range(seats)
    ]


def _price(depth: float) -> str:
    """The price of a row at this depth of the hall, 0 at the front, below 1."""
    for share, price in BANDS:
        depth -= share
        if depth < 0:
            return price
    return BANDS[-1][1]


async def existing(database_url: str, concert_id: int) -> Goods | None:
    """The concert that is on sale already; None when there is none of this id."""
    # Which room guards a concert is told over HTTP only to those whom that room let in.
    connection = await asyncpg.connect(database_url)
    try:
        room_id = await connection.fetchval(
            "SELECT room_id FROM concert WHERE concert_id = $1", concert_id
        )
    finally:
        await connection.close()
    return Goods(room_id, concert_id, own=False) if room_id else None
