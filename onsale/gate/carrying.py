"""Where a request carries its pass, and what it is told when it does not pass."""

import json
from collections.abc import Callable

from onsale.gate.passes import PassRefused, Verifier

#: The page that keeps the visitor's place sends it here.
HEADER = "queue-pass"
#: A proxy that asked the gateway hands it on here (deploy/).
PROXY_HEADER = "x-onsale-pass"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

PROBLEM = "application/problem+json"

#: The value of a request's header, by its name in lower case; None without one.
Headers = Callable[[str], str | None]


def cookie_name(room: str) -> str:
    """The cookie in which a site may keep the pass for its pages."""
    return f"onsale_pass_{room}"


def carried(method: str, headers: Headers, room: str) -> str | None:
    """The pass of a request: a header, else the cookie.

    A cookie is no proof of intent on an unsafe method, unless the request comes from a page of
    this site: browsers say so in `Origin`. Raises PassRefused.
    """
    found = headers(HEADER) or headers(PROXY_HEADER)
    if found:
        return found
    found = _cookie(headers("cookie") or "", cookie_name(room))
    if found is not None and method not in SAFE_METHODS:
        site = (headers("origin") or "").partition("://")[2]
        if not site or site != headers("host"):
            raise PassRefused(403, "forbidden", "A change with a cookie needs our own Origin.")
    return found


def problem(verifier: Verifier, refused: PassRefused) -> tuple[bytes, dict[str, str]]:
    """The answer to a refused request (RFC 9457): its body and headers."""
    body = {
        "type": "about:blank",
        "title": "Unavailable" if refused.status == 503 else "Not let in yet",
        "status": refused.status,
        "detail": refused.detail,
        "code": refused.code,
        "retryable": refused.status == 503,
        "room_id": verifier.room,
        "join_url": verifier.join_url,
    }
    headers = {"Content-Type": PROBLEM, "Cache-Control": "no-store"}
    if refused.status == 503:
        headers["Retry-After"] = "1"
    return json.dumps(body).encode(), headers


def _cookie(header: str, name: str) -> str | None:
    for part in header.split(";"):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value.strip('"')
    return None
