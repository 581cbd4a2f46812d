"""Lists paged by cursor, and ids as they stand in paths."""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import asyncpg
from aiohttp import web
from msgspec import Meta

from shared.errors import BadRequest, NotFound
from shared.openapi import Parameter
from shared.shapes import MAX_ID
from shared.shapes import Page as PageOf
from shared.web import json_response

LIMIT, MOST = 50, 100
PAGED = (
    Parameter(
        "query", "limit", Annotated[int, Meta(ge=1, le=MOST)], f"At most; {LIMIT} if absent."
    ),
    Parameter(
        "query",
        "cursor",
        Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]+\Z")],
        "The last page's next_cursor.",
    ),
)


@dataclass(frozen=True, slots=True)
class Page:
    """Where a list goes on: after the row with id `after` (None: from its beginning)."""

    after: int | None
    limit: int


def page(request: web.Request) -> Page:
    """`?limit=` (1 to 100, default 50) and `?cursor=` of a request. Raises BadRequest."""
    raw = request.query.get("limit", str(LIMIT))
    limit = number(raw)
    if limit is None or not 1 <= limit <= MOST:
        raise BadRequest(f"limit is a whole number from 1 to {MOST}.")
    cursor = request.query.get("cursor")
    return Page(None if cursor is None else _position(cursor), limit)


def list_response(
    rows: "list[asyncpg.Record]",
    asked: Page,
    id_name: str,
    render: Callable[["asyncpg.Record"], Any],
) -> web.Response:
    """A page of a list. `rows` holds one row more than the page when there is a next one."""
    shown = rows[: asked.limit]
    more = len(rows) > asked.limit
    cursor = _cursor(shown[-1][id_name]) if more else None
    return json_response(PageOf(items=[render(row) for row in shown], next_cursor=cursor))


def number(text: str) -> int | None:
    """A bigint as we write them: plain ASCII digits, no sign, no leading zero; else None."""
    plain = text.isascii() and text.isdigit() and len(text) <= len(str(MAX_ID))
    if not plain or (text[0] == "0" and text != "0"):
        return None
    found = int(text)
    return found if found <= MAX_ID else None


def path_id(request: web.Request, name: str) -> int:
    """An id of the path. Raises NotFound for whatever cannot be one."""
    found = number(request.match_info[name])
    if not found:
        raise NotFound
    return found


def _cursor(last: int) -> str:
    return base64.urlsafe_b64encode(str(last).encode()).rstrip(b"=").decode()


def _position(cursor: str) -> int:
    try:
        raw = base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4))
        found = number(raw.decode())
    except (binascii.Error, ValueError):
        found = None
    if found is None or _cursor(found) != cursor:
        raise BadRequest("The cursor is not one of ours; start over without it.")
    return found
