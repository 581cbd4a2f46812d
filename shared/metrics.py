"""Counting requests: by route and status, never by visitor."""

import time
from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate

from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from shared.web import route_name

#: In seconds.
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class _Route:
    """What was answered by status, within which bound, and in how many seconds in all."""

    __slots__ = ("answered", "seconds", "within")

    def __init__(self) -> None:
        self.answered: dict[int, int] = {}
        self.within = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0


class Answers(Collector):
    """What was answered, and how long it took.

    Kept here and told when it is asked for: the library's own counters, made for threads, cost a
    poll more than its token does.
    """

    def __init__(self) -> None:
        self._routes: dict[str, _Route] = {}

    def count(self, route: str, status: int, seconds: float) -> None:
        """One more answer of a route, which took so long."""
        found = self._routes.get(route)
        if found is None:
            found = self._routes[route] = _Route()
        found.answered[status] = found.answered.get(status, 0) + 1
        found.within[bisect_left(BOUNDS, seconds)] += 1
        found.seconds += seconds

    def collect(self) -> Iterator[Metric]:
        """In the Prometheus text format's terms: buckets count what is below them, too."""
        answered = CounterMetricFamily(
            "onsale_requests", "Requests answered.", labels=["route", "status"]
        )
        for route, found in self._routes.items():
            for status, times in found.answered.items():
                answered.add_metric([route, str(status)], times)
        yield answered
        latency = HistogramMetricFamily(
            "onsale_request_seconds", "Time to answer a request, in seconds.", labels=["route"]
        )
        bounds = [*map(str, BOUNDS), "+Inf"]
        for route, found in self._routes.items():
            buckets = list(zip(bounds, map(float, accumulate(found.within)), strict=True))
            latency.add_metric([route], buckets, found.seconds)
        yield latency


ANSWERS = Answers()
REGISTRY.register(ANSWERS)
count = ANSWERS.count


@web.middleware
async def measured(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count and time what the handlers and the error middleware answered."""
    began = time.perf_counter()
    response = await handler(request)
    count(route_name(request), response.status, time.perf_counter() - began)
    return response
