"""Lists paged by cursor, which is the position of a page's last row in base64url; ids in paths."""

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


def paged(limit: int = LIMIT) -> tuple[Parameter, Parameter]:
    """The parameters of a list; `limit` is how many it shows unless it is asked."""
    shape = Annotated[int, Meta(ge=1, le=MOST)]
    cursor = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]+\Z")]
    return (
        Parameter("query", "limit", shape, f"At most; {limit} if absent."),
        Parameter("query", "cursor", cursor, "The last page's next_cursor."),
    )


PAGED = paged()


@dataclass(frozen=True, slots=True)
class Asked:
    """Where a list goes on: after the row at `after` (None: from its beginning)."""

    after: str | None
    limit: int


@dataclass(frozen=True, slots=True)
class Page:
    """The same for rows with ids: after the row with id `after`."""

    after: int | None
    limit: int


class BadCursor(BadRequest):
    """The cursor is not one of ours; start over without it."""


def asked(request: web.Request, limit: int = LIMIT) -> Asked:
    """`?limit=` (1 to 100) and `?cursor=` of a request. Raises BadRequest."""
    wanted = number(request.query.get("limit", str(limit)))
    if wanted is None or not 1 <= wanted <= MOST:
        raise BadRequest(f"limit is a whole number from 1 to {MOST}.")
    given = request.query.get("cursor")
    return Asked(None if given is None else _position(given), wanted)


def page(request: web.Request, limit: int = LIMIT) -> Page:
    """`?limit=` and `?cursor=` of a list of rows with ids. Raises BadRequest."""
    wanted = asked(request, limit)
    after = None if wanted.after is None else number(wanted.after)
    if wanted.after is not None and after is None:
        raise BadCursor
    return Page(after, wanted.limit)


def list_response(
    rows: "list[asyncpg.Record]",
    asked: Page,
    id_name: str,
    render: Callable[["asyncpg.Record"], Any],
    *,
    headers: dict[str, str] | None = None,
) -> web.Response:
    """A page of a list. `rows` holds one row more than the page when there is a next one."""
    shown = rows[: asked.limit]
    more = len(rows) > asked.limit
    following = cursor(str(shown[-1][id_name])) if more else None
    found = PageOf(items=[render(row) for row in shown], next_cursor=following)
    return json_response(found, headers=headers)


def cursor(position: str) -> str:
    """The cursor that asks for what comes after `position`."""
    return base64.urlsafe_b64encode(position.encode()).rstrip(b"=").decode()


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


def _position(given: str) -> str:
    try:
        found = base64.urlsafe_b64decode(given.encode() + b"=" * (-len(given) % 4)).decode()
    except (binascii.Error, ValueError):
        raise BadCursor from None
    if cursor(found) != given:
        raise BadCursor
    return found
