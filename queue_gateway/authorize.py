"""What proxies ask before they let a request through: nginx, Traefik, Caddy, Envoy (deploy/).

A proxy asks with a request of its own, which carries the visitor's Queue-Token header or the
room's cookie. A cookie is no proof of intent where the visitor's request changes something: then
that request needs an `Origin` of the site it goes to (RFC 6454), or another site's page could send
a form in the visitor's name. Its method is `X-Forwarded-Method` (Traefik, Caddy, our nginx recipe)
or `X-Original-Method` (ingress-nginx), and that of the proxy's own request (Envoy); its host is
`X-Forwarded-Host`, else `Host`. Whoever sends these without a proxy deceives themselves alone: here
nothing is changed, and the answer says nothing that the token does not.
"""

from urllib.parse import quote

from aiohttp import web

from queue_gateway.handlers import HOLDER, place_proved
from shared.credentials import QUEUE_TOKEN_HEADER, SAFE_METHODS, queue_cookie
from shared.errors import Forbidden, QueueTokenExpired, QueueTokenWaiting
from shared.openapi import Answer, Header, described
from shared.passes import PASSES
from shared.places import ACTIVE, PLACES, WAIT
from shared.tokens import Place

#: Where proxies say of which method the visitor's request is.
METHOD_HEADERS = ("X-Forwarded-Method", "X-Original-Method")
#: What Envoy may ask with; it sends the method and the path of the visitor's request.
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

ALLOWED = Answer(
    headers=(
        Header("X-Onsale-Visitor", "Who was let in: percent-encoded UTF-8."),
        Header("X-Onsale-Room", "The room that let them in."),
        Header("X-Onsale-Pass", "The visitor's pass, unless there is none.", always=False),
    ),
    text="ACTIVE",
)
REFUSALS = (QueueTokenWaiting, QueueTokenExpired, Forbidden)

routes = web.RouteTableDef()


@routes.get("/v1/rooms/{room_id}/authorize")
@described({204: ALLOWED}, refusals=REFUSALS, needs=HOLDER)
async def authorize(request: web.Request) -> web.Response:
    """For proxies: 204 when the token is ACTIVE, 401 without a valid one, else 403."""
    place = place_proved(request, _visitors_token(request, request.match_info["room_id"]))
    status = await request.app[PLACES].status(place)
    if status.status == ACTIVE:
        found = request.app[PASSES].sign(place, status.expires_at_ms)
        return web.Response(status=204, headers=_about(place, found))
    if status.status == WAIT:
        raise QueueTokenWaiting(
            position=status.position, retry_after_s=-(-status.poll_after_ms // 1000)
        )
    raise QueueTokenExpired(reason=status.reason)


def _for_envoy(method: str) -> None:
    """Envoy cannot be told another path or method: it puts its prefix before what was asked."""

    @routes.route(method, "/v1/rooms/{room_id}/authorize/{path:.*}")
    @described({204: ALLOWED}, refusals=REFUSALS, needs=HOLDER)
    async def envoy(request: web.Request) -> web.StreamResponse:
        """The same for Envoy, which sends the method and the path of the visitor's request."""
        return await authorize(request)

    envoy.__name__ = f"authorize_{method.lower()}"


for _method in METHODS:
    _for_envoy(_method)


def _about(place: Place, found: str | None) -> dict[str, str]:
    """What a proxy may hand on to its site: nothing that could end a header."""
    headers = {
        "Cache-Control": "no-store",
        "X-Onsale-Visitor": quote(place.visitor, safe=""),
        "X-Onsale-Room": place.room_id,
    }
    return headers if found is None else {**headers, "X-Onsale-Pass": found}


def _visitors_token(request: web.Request, room_id: str) -> str | None:
    """The raw queue token of the request that the proxy asks about. Raises Forbidden."""
    header = request.headers.get(QUEUE_TOKEN_HEADER)
    if header is not None:
        return header
    cookie = request.cookies.get(queue_cookie(room_id))
    if cookie is not None and not _methods(request) <= SAFE_METHODS:
        site = request.headers.get("X-Forwarded-Host", request.host)
        # As in `require_same_origin`, which knows the request itself only.
        if not site or request.headers.get("Origin", "").partition("://")[2] != site:
            raise Forbidden("A change with a cookie needs an Origin of its site.")
    return cookie


def _methods(request: web.Request) -> set[str]:
    named = [method for name in METHOD_HEADERS for method in request.headers.getall(name, [])]
    return {request.method, *named}
