"""What operators are told of one visitor."""

from typing import Any

import asyncpg
from aiohttp import web

from queue_gateway.history import History
from queue_gateway.operators_answers import VisitorsToken
from queue_gateway.room import LivePlace, Rooms
from shared.errors import NotFound
from shared.places import EXPIRED, timestamp


class Visitors:
    """The visitors of all rooms: live ones in the store, earlier ones in the table."""

    def __init__(self, rooms: Rooms, history: History):
        self._rooms = rooms
        self._history = history

    async def token(self, room_id: str, visitor: str) -> VisitorsToken:
        """The live place, else the last token. Raises NotFound (room, visitor), stores' errors."""
        live = await self._rooms.look(room_id, visitor)
        if live is not None:
            return VisitorsToken(room_id=room_id, visitor=visitor, **_live(live))
        last = await self._history.last_token(room_id, visitor)
        if last is None:
            raise NotFound("This visitor was never in the room.")
        return VisitorsToken(room_id=room_id, visitor=visitor, **_ended(last))


def _live(found: LivePlace) -> dict[str, Any]:
    expires_at_ms = found.expires_at_ms
    return {
        "status": found.status,
        "number": found.place.number,
        "position": found.position,
        "lane": found.lane,
        "jti": found.place.jti,
        "claimed": found.claimed,
        "expires_at": None if expires_at_ms is None else timestamp(expires_at_ms),
        "reason": None,
    }


def _ended(row: "asyncpg.Record") -> dict[str, Any]:
    # Not live any more, whatever the table believes until the journal has been moved.
    return {
        "status": EXPIRED,
        "number": row["number"],
        "position": None,
        "lane": None,
        "jti": row["token_value"],
        "claimed": False,
        "expires_at": None,
        "reason": row["reason"],
    }


VISITORS = web.AppKey("visitors", Visitors)
