"""Rooms as they stand in paths and cursors."""

from aiohttp import web

from queue_gateway.room import ROOM_ID
from shared import paging
from shared.errors import NotFound


def room_of(request: web.Request) -> str:
    """The room of the path. Raises NotFound for what no room is called."""
    room_id = request.match_info["room_id"]
    if not ROOM_ID.fullmatch(room_id):
        raise NotFound("A room_id is 1 to 63 of a-z, 0-9, '-' and '_'.")
    return room_id


def room_page(request: web.Request, limit: int = paging.LIMIT) -> paging.Asked:
    """Which page of rooms is asked for. Raises BadRequest."""
    asked = paging.asked(request, limit)
    if asked.after is not None and not ROOM_ID.fullmatch(asked.after):
        raise paging.BadCursor
    return asked
