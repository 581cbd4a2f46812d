"""Where a request carries who it is: headers, or for browsers their cookie twins.

The header wins. A cookie alone is not proof of intent on an unsafe method: such a request needs an
`Origin` of the site itself.
"""

from collections.abc import Mapping
from typing import Protocol

from aiohttp import web

from shared.errors import (
    Forbidden,
    IdentityInvalid,
    IdentityRequired,
    OperatorInvalid,
    OperatorRequired,
)
from shared.identity import Identified, Identities
from shared.operators import Operator, OperatorKey

IDENTITY_COOKIE = "onsale_identity"
QUEUE_TOKEN_HEADER = "Queue-Token"  # noqa: S105 -- a name
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

IDENTITIES = web.AppKey("identities", Identities)
ADMIN_KEYS = web.AppKey("admin_keys", tuple[OperatorKey, ...])


class Asking(Protocol):
    """What is read of a request to see who asks."""

    @property
    def method(self) -> str: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def cookies(self) -> Mapping[str, str]: ...
    @property
    def host(self) -> str: ...
    @property
    def secure(self) -> bool: ...


def queue_cookie(room_id: str) -> str:
    """The name of the cookie that holds a room's queue token."""
    return f"onsale_{room_id}"


def identity(request: web.Request) -> str:
    """The visitor who asks. Raises IdentityRequired, IdentityInvalid or Forbidden."""
    return identified(request, request.app[IDENTITIES]).visitor


def identified(request: Asking, identities: Identities) -> Identified:
    """The same with the lane they belong to."""
    header = request.headers.get("Authorization")
    if header is not None:
        return identities.identified(_bearer(header, IdentityInvalid))
    cookie = request.cookies.get(IDENTITY_COOKIE)
    if cookie is None:
        raise IdentityRequired
    require_same_origin(request)
    return identities.identified(cookie)


def queue_token(request: Asking, room_id: str | None = None) -> str | None:
    """The raw queue token of a request: the header, else the room's cookie. Raises Forbidden."""
    header = request.headers.get(QUEUE_TOKEN_HEADER)
    if header is not None:
        return header
    if room_id is None:
        found = [v for k, v in request.cookies.items() if _is_queue_cookie(k)]
        cookie = found[0] if len(found) == 1 else None
    else:
        cookie = request.cookies.get(queue_cookie(room_id))
    if cookie is not None:
        require_same_origin(request)
    return cookie


def require_operator(request: web.Request) -> Operator:
    """The operator who asks. Raises OperatorRequired, OperatorInvalid, or Forbidden for a change
    with a key that only reads."""
    header = request.headers.get("Authorization")
    if header is None:
        raise OperatorRequired
    # Bytes that are no UTF-8 come as lone surrogates; they are a wrong key like any other.
    given = _bearer(header, OperatorInvalid).encode(errors="surrogateescape")
    found = [known.operator for known in request.app[ADMIN_KEYS] if known.opens_to(given)]
    if not found:
        raise OperatorInvalid
    if request.method not in SAFE_METHODS and not found[0].may_write:
        raise Forbidden("This operator's key is for reading alone.")
    return found[0]


def require_same_origin(request: Asking) -> None:
    """Raises Forbidden when an unsafe method comes from another site's page (CSRF)."""
    if request.method in SAFE_METHODS:
        return
    # Host and port are compared, not the scheme: behind a TLS proxy we see plain http.
    site = request.headers.get("Origin", "").partition("://")[2]
    if not site or site != request.host:
        raise Forbidden("A request with a cookie needs an Origin of this site, or send the header.")


def _bearer(header: str, invalid: type[Exception]) -> str:
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        raise invalid
    return token.strip()


def _is_queue_cookie(name: str) -> bool:
    return name.startswith("onsale_") and name != IDENTITY_COOKIE
