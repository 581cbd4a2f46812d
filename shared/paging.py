"""Lists paged by cursor: a cursor is the position of a page's last row, in base64url."""

import base64
import binascii
from dataclasses import dataclass
from typing import Annotated

from aiohttp import web
from msgspec import Meta

from shared.errors import BadRequest
from shared.openapi import Parameter
from shared.shapes import MAX_ID

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


class BadCursor(BadRequest):
    """The cursor is not one of ours; start over without it."""


def asked(request: web.Request, limit: int = LIMIT) -> Asked:
    """`?limit=` (1 to 100) and `?cursor=` of a request. Raises BadRequest."""
    wanted = number(request.query.get("limit", str(limit)))
    if wanted is None or not 1 <= wanted <= MOST:
        raise BadRequest(f"limit is a whole number from 1 to {MOST}.")
    given = request.query.get("cursor")
    return Asked(None if given is None else _position(given), wanted)


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


def _position(given: str) -> str:
    try:
        found = base64.urlsafe_b64decode(given.encode() + b"=" * (-len(given) % 4)).decode()
    except (binascii.Error, ValueError):
        raise BadCursor from None
    if cursor(found) != given:
        raise BadCursor
    return found
