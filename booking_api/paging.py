"""Lists paged by the ids of their rows, and ids as they stand in paths."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
from aiohttp import web

from shared import paging
from shared.errors import NotFound
from shared.paging import PAGED, BadCursor, number
from shared.shapes import Page as PageOf
from shared.web import json_response

__all__ = ["PAGED", "Page", "list_response", "number", "page", "path_id"]


@dataclass(frozen=True, slots=True)
class Page:
    """Where a list goes on: after the row with id `after` (None: from its beginning)."""

    after: int | None
    limit: int


def page(request: web.Request) -> Page:
    """`?limit=` and `?cursor=` of a request. Raises BadRequest."""
    asked = paging.asked(request)
    after = None if asked.after is None else number(asked.after)
    if asked.after is not None and after is None:
        raise BadCursor
    return Page(after, asked.limit)


def list_response(
    rows: "list[asyncpg.Record]",
    asked: Page,
    id_name: str,
    render: Callable[["asyncpg.Record"], Any],
) -> web.Response:
    """A page of a list. `rows` holds one row more than the page when there is a next one."""
    shown = rows[: asked.limit]
    more = len(rows) > asked.limit
    cursor = paging.cursor(str(shown[-1][id_name])) if more else None
    return json_response(PageOf(items=[render(row) for row in shown], next_cursor=cursor))


def path_id(request: web.Request, name: str) -> int:
    """An id of the path. Raises NotFound for whatever cannot be one."""
    found = number(request.match_info[name])
    if not found:
        raise NotFound
    return found
