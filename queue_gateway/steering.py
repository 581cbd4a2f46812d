"""What operators do to rooms and the people in them, where it takes more than one call."""

import asyncio
from time import monotonic
from typing import Any

from aiohttp import web

from queue_gateway.history import History
from queue_gateway.room import Rooms
from queue_gateway.room_view import RoomView
from queue_gateway.settings import ADMIT_LIMIT
from shared.errors import (
    NotFound,
    OnsaleError,
    RoomClosed,
    Unavailable,
    ValidationFailed,
    VersionConflict,
)
from shared.places import Places

#: Letting in by hand goes on for no longer than this; the answer says how far it came.
LET_IN_S = 4.0
#: The journal of a deleted room is moved within a moment, unless PostgreSQL has much to do.
REMOVE_S = 5.0
REMOVE_PAUSE_S = 0.05
#: How often something is tried again that changed between a look and the deed.
TRIES = 5


class LaneBusy(ValidationFailed):
    """Somebody waits in a lane that would go; keep it until its line is empty, or reset."""


class GuardsConcerts(ValidationFailed):
    """A room that guards concerts cannot be anonymous: seats are sold to people who are known."""


class RoomIsThere(VersionConflict):
    """There is a room of that name already; change it with PUT."""


_REFUSALS: dict[str, type[OnsaleError]] = {
    "conflict": VersionConflict,
    "missing": NotFound,
    "lane_busy": LaneBusy,
}


class Steering:
    """Operators' hands on all rooms. Every method raises the stores' errors."""

    def __init__(self, rooms: Rooms, places: Places, history: History):
        self._rooms = rooms
        self._places = places
        self._history = history

    async def create(self, room_id: str, settings: dict[str, Any]) -> None:
        """A new room. Raises RoomIsThere, GuardsConcerts."""
        try:
            await self.change(room_id, settings, "none")
        except VersionConflict:
            raise RoomIsThere from None

    async def change(self, room_id: str, changes: dict[str, Any], expected: str) -> bool:
        """Change a room or create it (True). `expected` and `changes`: see `Rooms.configure`.

        Raises VersionConflict, NotFound, LaneBusy, GuardsConcerts.
        """
        if changes.get("identity") == "anonymous":
            async with self._history.without_concerts(room_id) as is_free:
                if not is_free:
                    raise GuardsConcerts
                outcome, _ = await self._rooms.configure(room_id, changes, expected)
        else:
            outcome, _ = await self._rooms.configure(room_id, changes, expected)
        if outcome in _REFUSALS:
            raise _REFUSALS[outcome]
        return outcome == "created"

    async def reset(self, room_id: str, expected: str | None) -> None:
        """End all tokens and forget all figures. Raises NotFound, VersionConflict."""
        await self._change_there(room_id, {}, expected, reset=True)

    async def remove(self, room_id: str, expected: str | None) -> None:
        """Close a room, wait for its journal to be moved, and delete it; no room is fine.

        Raises VersionConflict, also where somebody opened it again meanwhile; Unavailable if the
        journal could not be moved in time: the room stays closed.
        """
        try:
            await self._close(room_id, expected)
        except NotFound:
            return
        deadline = monotonic() + REMOVE_S
        while (outcome := await self._rooms.remove(room_id)) == "busy":
            if monotonic() >= deadline:
                raise Unavailable(
                    "The room is closed; its last changes are still being written down.",
                    retry_after_s=5,
                )
            await asyncio.sleep(REMOVE_PAUSE_S)
        if outcome == "open":
            raise VersionConflict("Somebody opened the room again.")

    async def let_in(self, room_id: str, count: int) -> int:
        """Admit up to `count` within the cap, whatever the rate; returns how many.

        Raises NotFound, or RoomClosed for a room that admits nobody (A4).
        """
        view = await self._rooms.view(room_id, 1)
        if not view.admitting:
            raise RoomClosed(_why_nobody(view))
        admitted, deadline = 0, monotonic() + LET_IN_S
        while admitted < count and monotonic() < deadline:
            done = await self._rooms.admit(room_id, ADMIT_LIMIT, by_hand=count - admitted)
            if done is None:
                raise NotFound
            admitted += done.admitted
            if not done.admitted and not done.more:
                break
        return admitted

    async def revoke(self, room_id: str, visitor: str) -> bool:
        """End a visitor's live place, if there is one. Raises NotFound (room), Unavailable."""
        for _ in range(TRIES):
            found = await self._rooms.look(room_id, visitor)
            if found is None:
                return False
            if await self._places.finish(found.place, "revoked"):
                return True
        raise Unavailable("The visitor leaves and joins faster than they can be revoked.")

    async def _close(self, room_id: str, expected: str | None) -> None:
        view = await self._rooms.view(room_id, 1)
        if view.state != "closed":
            await self._change_there(room_id, {"state": "closed"}, expected)
        elif expected not in (None, "*", str(view.version)):
            raise VersionConflict

    async def _change_there(
        self, room_id: str, changes: dict[str, Any], expected: str | None, *, reset: bool = False
    ) -> None:
        """Change a room that is there; with '*' or None whatever its version."""
        outcome = "conflict"
        for _ in range(TRIES):
            version = expected
            if version in (None, "*"):
                version = str((await self._rooms.view(room_id, 1)).version)
            outcome, _ = await self._rooms.configure(room_id, changes, version, reset=reset)
            if outcome != "conflict" or version == expected:
                break
        if outcome in _REFUSALS:
            raise _REFUSALS[outcome]


def _why_nobody(view: RoomView) -> str:
    if view.held_out:
        return "No seat is free that nobody was let in for; somebody is when one comes back."
    if view.state in ("open", "draining"):
        return "The room has not opened yet; it admits nobody before its opens_at."
    return f"The room is {view.state}; it admits nobody until it is open."


STEERING = web.AppKey("steering", Steering)
