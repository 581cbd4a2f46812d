"""Web plumbing of both services: problems for refusals, bodies, JSON, request ids, CORS."""

import asyncio
import hashlib
import random
import secrets
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec
import orjson
import structlog
from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong
from aiohttp.typedefs import Handler
from aiohttp.web_protocol import RequestHandler

from shared import errors
from shared.hot import HOT, HotHandler, HotPath, Pile
from shared.logs import logger
from shared.stores import unavailable

JSON_TYPE = "application/json"
MAX_BODY_BYTES = 64 * 1024

#: Longest request line and longest header taken; identity (4 KiB) and queue token (2 KiB) fit.
MAX_LINE_BYTES = 8190

WEB_ORIGINS = web.AppKey("web_origins", tuple[str, ...])
EXPOSED_HEADERS = "ETag, Retry-After, Idempotency-Replayed, X-Request-Id"

#: A client that stops in the middle of its body holds a connection no longer than this.
BODY_DEADLINE_S = 10.0

#: What a client goes on sending after it was refused is read for so long, so that it hears why.
LINGERING_S = 2.0

Shape = TypeVar("Shape")

log = logger(__name__)

#: Request ids are told apart, not kept secret: asking the system for each costs a call of it.
_REQUEST_IDS = random.Random(secrets.randbits(256))  # noqa: S311


def json_response(
    value: Any, *, status: int = 200, headers: dict[str, str] | None = None
) -> web.Response:
    """`value`, a struct or plain values, as JSON."""
    return web.Response(
        body=msgspec.json.encode(value),
        status=status,
        headers=headers,
        content_type="application/json",
    )


def tagged_response(request: web.Request, value: Any, *, cache_control: str) -> web.Response:
    """`value` as JSON with an ETag, or 304 when the client has it already (RFC 9110, 13.1.2)."""
    body = msgspec.json.encode(value)
    etag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"ETag": etag, "Cache-Control": cache_control}
    known = request.headers.get(hdrs.IF_NONE_MATCH, "")
    if known.strip() == "*" or etag in (t.strip().removeprefix("W/") for t in known.split(",")):
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, headers=headers, content_type="application/json")


def problem_response(error: errors.OnsaleError, request_id: str) -> web.Response:
    """An error as RFC 9457 problem+json, with Retry-After where it helps."""
    headers = {"X-Request-Id": request_id, "Cache-Control": "no-store"}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    return web.Response(
        body=orjson.dumps(error.problem(request_id)),
        status=error.status,
        headers=headers,
        content_type="application/problem+json",
    )


async def read_json(request: web.Request) -> Any:
    """The body as plain Python values. Raises UnsupportedMediaType, TooLarge, BadRequest."""
    plain = request.headers.get(hdrs.CONTENT_TYPE) == JSON_TYPE  # as nearly all say it
    if not plain and request.content_type != JSON_TYPE:
        raise errors.UnsupportedMediaType
    return json_of(await read_raw(request))


async def read_raw(request: web.Request, deadline_s: float | None = None) -> bytes:
    """The body as it is. Raises TooLarge, BadRequest."""
    try:
        if request.content.is_eof():  # it came with its headers, as almost every body does
            return await request.read()
        async with asyncio.timeout(deadline_s or BODY_DEADLINE_S):
            return await request.read()
    except (web.RequestPayloadError, HttpProcessingError):
        raise errors.BadRequest("The body could not be read.") from None
    except TimeoutError:
        raise errors.BadRequest("The body did not arrive in time.") from None


def json_of(raw: bytes) -> Any:
    """JSON text as plain Python values. Raises BadRequest."""
    try:
        # msgspec refuses NaN, lone surrogates and trailing text; the standard library takes them.
        return msgspec.json.decode(raw, strict=True)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise errors.BadRequest("The body is not valid JSON.") from None


def convert(value: Any, shape: type[Shape]) -> Shape:
    """`value` as `shape`. Raises ValidationFailed that names the field and what it takes."""
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        raise errors.ValidationFailed(str(error)) from None


def new_request_id() -> str:
    """Never taken from the client: nothing echoes or logs a header's value."""
    return f"{_REQUEST_IDS.getrandbits(64):016x}"


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Render every error as a problem, mask the unknown and log it with the request id."""
    request_id = new_request_id()
    structlog.contextvars.bind_contextvars(request_id=request_id)
    try:
        response = await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        response = problem_response(_http_error(error), request_id)
        if hdrs.ALLOW in error.headers:
            response.headers[hdrs.ALLOW] = error.headers[hdrs.ALLOW]
        return response
    except Exception as error:  # noqa: BLE001 -- every one of them is rendered, none is lost
        return problem_response(refusal_of(error, route_name(request)), request_id)
    if not response.prepared:
        response.headers["X-Request-Id"] = request_id
    return response


def refusal_of(error: Exception, route: str) -> errors.OnsaleError:
    """What a client is told of an error; logged where it is not the client's."""
    if isinstance(error, errors.OnsaleError):
        if error.status >= 500:
            log.warning("unavailable", route=route, error=type(error.__cause__).__name__)
        return error
    refusal: errors.OnsaleError | None = unavailable(error)
    if refusal is None:
        log.error("unexpected_error", route=route, exc_info=error)
        refusal = errors.OnsaleError("Something went wrong on our side; it has been logged.")
    else:
        log.warning("unavailable", route=route, error=type(error).__name__)
    return refusal


@web.middleware
async def cross_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """CORS for the origins of ONSALE_WEB_ORIGINS and no other (Fetch standard, section 3.2)."""
    shared = shared_with(request.headers.get(hdrs.ORIGIN), request.app[WEB_ORIGINS])
    if not shared:
        return await handler(request)
    if request.method == hdrs.METH_OPTIONS:
        response: web.StreamResponse = web.Response(
            status=204,
            headers={
                "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE",
                "Access-Control-Allow-Headers": (
                    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, "
                    "Queue-Token"
                ),
                "Access-Control-Max-Age": "600",
            },
        )
    else:
        response = await handler(request)
    if not response.prepared:
        response.headers.extend(shared)
    return response


def shared_with(origin: str | None, known: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """The headers by which a page of this origin may read an answer; none where it may not."""
    if origin is None or origin not in known:
        return ()
    return (
        (hdrs.VARY, "Origin"),
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Allow-Credentials", "true"),
        ("Access-Control-Expose-Headers", EXPOSED_HEADERS),
    )


def route_name(request: web.Request) -> str:
    """The route's pattern, never the path: a path may hold what should not be logged."""
    resource = request.match_info.route.resource
    return f"{request.method} {resource.canonical}" if resource else "unknown"


_BY_STATUS: dict[int, type[errors.OnsaleError]] = {
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    413: errors.TooLarge,
    415: errors.UnsupportedMediaType,
    431: errors.HeadersTooLarge,
}


def _http_error(error: web.HTTPException) -> errors.OnsaleError:
    return _BY_STATUS.get(error.status, errors.BadRequest)()


class _Protocol(HotHandler):
    """Answers what the HTTP parser refuses as a problem, too, and without logging what was sent."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if request.writer.output_size > 0:
            raise ConnectionError("The response was under way; only closing tells the client.")
        request_id = new_request_id()
        error: errors.OnsaleError
        if isinstance(exc, LineTooLong):
            error = errors.HeadersTooLarge()
        elif status < HTTPStatus.INTERNAL_SERVER_ERROR:
            error = errors.BadRequest("This is not a valid HTTP request.")
        else:
            log.error("protocol_error", request_id=request_id, error=type(exc).__name__)
            error = errors.OnsaleError("Something went wrong on our side; it has been logged.")
        response = problem_response(error, request_id)
        response.force_close()
        return response

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        # What aiohttp refuses before any middleware runs: an unknown Expect, which it would quote.
        if isinstance(resp, web.HTTPException):
            resp = problem_response(_http_error(resp), new_request_id())
        return await super().finish_response(request, resp, start_time)


class _Server(web.Server):
    hot: HotPath | None
    pile: Pile

    def __call__(self) -> RequestHandler:
        return _Protocol(self, hot=self.hot, pile=self.pile, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner):
    """An AppRunner whose parser refusals are problems, and which knows hot paths (aiohttp has no
    hook for either)."""

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        server.__class__ = _Server
        if isinstance(server, _Server):
            server.hot, server.pile = self.app.get(HOT), Pile()
        return server


def runner(app: web.Application, *, shutdown_timeout_s: float = 5.0) -> Runner:
    """How both services and the tests serve an app."""
    return Runner(
        app,
        access_log=None,
        shutdown_timeout=shutdown_timeout_s,
        max_line_size=MAX_LINE_BYTES,
        max_field_size=MAX_LINE_BYTES,
        keepalive_timeout=75.0,
        lingering_time=LINGERING_S,
    )
