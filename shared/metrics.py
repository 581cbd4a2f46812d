"""Counting requests: by route and status, never by visitor."""

import time
from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import Counter, Histogram

from shared.web import route_name

REQUESTS = Counter("onsale_requests_total", "Requests answered.", ["route", "status"])
LATENCY = Histogram(
    "onsale_request_seconds",
    "Time to answer a request, in seconds.",
    ["route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)


@web.middleware
async def measured(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count and time what the handlers and the error middleware answered."""
    began = time.perf_counter()
    response = await handler(request)
    count(route_name(request), response.status, time.perf_counter() - began)
    return response


def count(route: str, status: int, seconds: float) -> None:
    """One more answer of a route, which took so long."""
    found = _KNOWN.get((route, status))
    if found is None:
        found = REQUESTS.labels(route, status).inc, LATENCY.labels(route).observe
        _KNOWN[route, status] = found
    more, observe = found
    more()
    observe(seconds)


#: What counts the answers of a route with a status: looking it up costs more than counting. There
#: are as many as there are routes and statuses.
_KNOWN: dict[tuple[str, int], tuple[Callable[[], None], Callable[[float], None]]] = {}
