"""Who may use the operators' routes: a key is asked for before any of them runs (X2)."""

from aiohttp import web
from aiohttp.typedefs import Handler

from shared.credentials import require_operator
from shared.operators import Operator

OPERATOR = web.RequestKey("operator", Operator)


@web.middleware
async def operated(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let operators through to their routes; handlers find who they are on the request."""
    resource = request.match_info.route.resource
    if resource is not None and resource.canonical.startswith("/v1/admin"):
        request[OPERATOR] = require_operator(request)
    return await handler(request)
