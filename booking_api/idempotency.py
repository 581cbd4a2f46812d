"""The Idempotency-Key of a request (draft-ietf-httpapi-idempotency-key-header)."""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Annotated, Any

from aiohttp import web
from msgspec import Meta

from booking_api.database import SALE, Answer
from shared.errors import BadRequest, IdempotencyKeyReused, OnsaleError, RequestInProgress
from shared.openapi import Header, Parameter
from shared.web import read_json

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))
_KEY = re.compile(r"[!-~]{1,255}")
KEY = Parameter(
    "header",
    HEADER,
    Annotated[str, Meta(pattern=rf"^{_KEY.pattern}\Z")],
    "The same key and body again get the first answer, and have no second effect.",
    required=True,
)
WAS_REPLAYED = Header(REPLAYED, "`true` when this is the first answer once more.", always=False)
#: What any request with a key may meet.
KEY_REFUSALS = (IdempotencyKeyReused, RequestInProgress)


@dataclass(frozen=True, slots=True)
class Once:
    """What tells one request from another of the same visitor."""

    path: str
    key: str
    fingerprint: bytes


def idempotency_key(request: web.Request) -> str:
    """The request's key. Raises BadRequest."""
    keys = request.headers.getall(HEADER, [])
    if len(keys) != 1 or not _KEY.fullmatch(keys[0]):
        raise BadRequest(f"Send one {HEADER} header of 1 to 255 visible ASCII characters.")
    return keys[0]


def once(request: web.Request, body: Any) -> Once:
    """The request's key with the fingerprint of its body, as parsed. Raises BadRequest."""
    canonical = _CANONICAL.encode(body).encode()
    return Once(request.path, idempotency_key(request), hashlib.sha256(canonical).digest())


def answer_response(answer: Answer) -> web.Response:
    """201 with the answer's own bytes, marked when they are a replay."""
    headers = {REPLAYED: "true"} if answer.replayed else None
    return _created(answer.body, headers)


async def stored_response(request: web.Request, visitor: str) -> web.Response | None:
    """The first answer under this request's key, if there is one. Raises IdempotencyKeyReused.

    For a request that is about to be refused for its token: a request that makes no sense either
    has no stored answer.
    """
    try:
        asked = once(request, await read_json(request))
    except (OnsaleError, web.HTTPException, RecursionError):
        return None
    row = await request.app[SALE].row("stored_answer", visitor, asked.path, asked.key)
    if row is None:
        return None
    if row["fingerprint"] != asked.fingerprint:
        raise IdempotencyKeyReused
    return _created(row["body"], {REPLAYED: "true"})


def _created(body: str, headers: dict[str, str] | None) -> web.Response:
    return web.Response(text=body, status=201, headers=headers, content_type="application/json")
