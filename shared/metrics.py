"""Counting requests: by route and status, never by visitor."""

import time

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
    route = route_name(request)
    REQUESTS.labels(route, response.status).inc()
    LATENCY.labels(route).observe(time.perf_counter() - began)
    return response
