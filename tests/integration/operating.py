"""Operators at work on the booking API."""

import json
from dataclasses import dataclass
from typing import Any

from tests.booking_stack import ADMIN_KEY, BookingStack, Reply

OPERATOR = {"Authorization": f"Bearer {ADMIN_KEY}"}
ANY = {"If-Match": "*"}


@dataclass(frozen=True, slots=True)
class Desk:
    """An operator's desk."""

    booking: BookingStack

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """A request of the operator's; `path` is what follows /v1/admin/."""
        sent = {**OPERATOR, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return await self.booking.ask(method, f"/v1/admin/{path}", body=body, headers=sent)

    async def get(self, path: str) -> Any:
        """What is read there."""
        reply = await self.ask("GET", path)
        assert reply.status == 200, reply.raw
        return reply.body

    async def put(self, path: str, body: Any, tag: str = "*") -> Reply:
        return await self.ask("PUT", path, body, If_Match=tag)

    async def post(self, path: str, body: Any) -> Reply:
        return await self.ask("POST", path, body)

    async def change(self, schedule_id: int, **settings: Any) -> Any:
        """Change a date, which must be possible."""
        reply = await self.put(f"schedules/{schedule_id}", settings)
        assert reply.status == 200, reply.raw
        return reply.body

    async def pages(self, path: str, limit: int) -> list[list[Any]]:
        """All pages of a list."""
        found, cursor = [], ""
        mark = "&" if "?" in path else "?"
        while True:
            page = await self.get(f"{path}{mark}limit={limit}{cursor}")
            found.append(page["items"])
            if page["next_cursor"] is None:
                return found
            cursor = f"&cursor={page['next_cursor']}"

    async def audit(self) -> list[tuple[str, str, dict[str, Any]]]:
        """What was kept, the newest first: action, subject, changes."""
        rows = await self.booking.pool.fetch(
            "SELECT action, subject, changes FROM audit ORDER BY audit_id DESC"
        )
        return [(row["action"], row["subject"], json.loads(row["changes"])) for row in rows]


async def concert_of(booking: BookingStack, schedule_id: int) -> int:
    """The concert of a date."""
    found: int = await booking.pool.fetchval(
        "SELECT concert_id FROM concert_schedule WHERE concert_schedule_id = $1", schedule_id
    )
    return found


async def told(booking: BookingStack, kind: str) -> list[tuple[int | None, int | None]]:
    """What other systems are to be told of a kind: (booking, date), in order."""
    rows = await booking.pool.fetch(
        "SELECT concert_booking_id, concert_schedule_id FROM webhook_event WHERE kind = $1"
        " ORDER BY webhook_event_id",
        kind,
    )
    return [tuple(row) for row in rows]
