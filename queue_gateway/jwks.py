"""The keys that verify passes, for other sites."""

from aiohttp import web
from msgspec import Struct

from shared.openapi import ETAG, IF_NONE_MATCH, Answer, described
from shared.passes import PASSES
from shared.web import tagged_response

#: For how long a key must be published before it signs.
CACHED = "public, max-age=300"

routes = web.RouteTableDef()


class Jwk(Struct):
    """A public key (RFC 7517, RFC 8037)."""

    kty: str
    crv: str
    x: str
    kid: str
    alg: str
    use: str


class Jwks(Struct):
    """The keys of which one signed each pass; its header names it (`kid`)."""

    keys: list[Jwk]


@routes.get("/.well-known/jwks.json")
@described(
    {200: Answer(Jwks, (ETAG,)), 304: Answer(headers=(ETAG,))},
    parameters=(IF_NONE_MATCH,),
    stores=False,
)
async def jwks(request: web.Request) -> web.Response:
    """The keys that verify passes, as a JSON Web Key Set."""
    return tagged_response(request, request.app[PASSES].jwks(), cache_control=CACHED)
