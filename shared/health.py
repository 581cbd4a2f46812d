"""Whether a process runs, whether its stores answer, and its metrics."""

import asyncio

import prometheus_client
from aiohttp import web

from shared.errors import Unavailable
from shared.openapi import Answer, described
from shared.shapes import Health
from shared.stores import DATABASE, REDIS
from shared.web import json_response

READY_DEADLINE_S = 2.0

routes = web.RouteTableDef()


@routes.get("/healthz")
@described({200: Answer(Health)}, stores=False)
async def healthz(request: web.Request) -> web.Response:
    """This process runs."""
    return json_response(Health("ok"))


@routes.get("/readyz")
@described({200: Answer(Health)})
async def readyz(request: web.Request) -> web.Response:
    """Redis and PostgreSQL answer this process."""
    try:
        async with asyncio.timeout(READY_DEADLINE_S):
            await request.app[REDIS].ping()
            await request.app[DATABASE].fetchval("SELECT 1")
    except Exception as error:
        raise Unavailable("Redis or PostgreSQL does not answer.") from error
    return json_response(Health("ready"))


@routes.get("/metrics")
@described({200: Answer(str, media_type="text/plain")}, stores=False)
async def metrics(request: web.Request) -> web.Response:
    """What this process counted, in the Prometheus text format."""
    return web.Response(
        body=prometheus_client.generate_latest(),
        headers={"Content-Type": prometheus_client.CONTENT_TYPE_LATEST},
    )
