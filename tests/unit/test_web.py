"""The plumbing of both services: what is refused, how, and what never comes back."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import orjson
import pytest
import structlog
from aiohttp import web
from redis.exceptions import ConnectionError as RedisGone
from redis.exceptions import ResponseError

from shared import web as plumbing
from shared.plumbing import base_app
from shared.settings import ServiceSettings
from shared.stores import unavailable
from shared.web import json_response, read_json
from tests.integration.services import ORIGIN, Client, served, settings

SENT = "s3cret-value"
#: How Redis 6.2 tells of an error in a script.
SCRIPT = "Error running script (call to f_0ce7): @user_script:31: @user_script: 31: "


class Sock:
    """What handlers of the app under test do."""

    raises: BaseException | None = None


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """An app of ours with a route that reads a body, and one that fails as `Sock` says."""
    told: ServiceSettings = settings("redis://nowhere", "postgresql://nowhere")
    app = base_app(told)

    async def echo(request: web.Request) -> web.Response:
        return json_response(await read_json(request))

    async def fail(request: web.Request) -> web.Response:
        assert Sock.raises is not None
        raise Sock.raises

    app.router.add_post("/echo", echo)
    app.router.add_get("/fails/{name}", fail)
    async with served(app) as client:
        yield client


@pytest.mark.parametrize(
    "error", [ValueError(SENT), KeyError(SENT), AssertionError(SENT), ResponseError(f"ERR {SENT}")]
)
async def test_an_unknown_error_is_masked_and_logged_with_its_request(
    client: Client, error: Exception
) -> None:
    Sock.raises = error
    with structlog.testing.capture_logs() as logged:
        answer = await client.ask("GET", f"/fails/{SENT}", headers={"Queue-Token": SENT})

    assert (answer.status, answer.code) == (500, "internal")
    assert SENT.encode() not in answer.body
    assert answer.json["retryable"] is False
    (line,) = [line for line in logged if line["event"] == "unexpected_error"]
    assert line["route"] == "GET /fails/{name}"
    assert SENT not in str({**line, "exc_info": None})


@pytest.mark.parametrize(
    "error",
    [
        RedisGone(SENT),
        ResponseError("MISCONF no disk"),
        ResponseError(f"{SCRIPT}-OOM command not allowed when used memory > 'maxmemory'."),
        ResponseError(f"{SCRIPT}-READONLY You can't write against a read only replica."),
        asyncpg.InterfaceError(SENT),
        asyncpg.DeadlockDetectedError(SENT),
        asyncpg.QueryCanceledError(SENT),
        TimeoutError(SENT),
        OSError(SENT),
    ],
)
async def test_a_store_that_fails_is_503_and_says_when_to_come_back(
    client: Client, error: Exception
) -> None:
    Sock.raises = error
    answer = await client.ask("GET", "/fails/x")

    assert (answer.status, answer.code) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) >= 1
    assert SENT.encode() not in answer.body


@pytest.mark.parametrize(
    "error",
    [
        ResponseError("ERR unknown command"),
        ResponseError(f"{SCRIPT}attempt to index a nil value"),
        asyncpg.UndefinedTableError("x"),
        ValueError("x"),
    ],
)
def test_a_mistake_of_ours_is_no_failure_of_a_store(error: Exception) -> None:
    assert unavailable(error) is None


async def test_a_request_id_is_ours_and_never_the_clients(client: Client) -> None:
    sent = {"X-Request-Id": SENT, "X-Correlation-Id": SENT, "Origin": ORIGIN}
    for path in ("/healthz", "/nowhere"):
        answer = await client.ask("GET", path, headers=sent)
        assert re.fullmatch("[0-9a-f]{16}", answer.headers["X-Request-Id"])
        assert SENT not in str(answer.headers) + str(answer.body)


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{}", "application/json", 200),
        (b"{}", "application/json; charset=utf-8", 200),
        (b"{}", "text/plain", 415),
        (b"{}", "application/jsonx", 415),
        (b"{}", "", 415),
        (b"[" + b" " * 65_533 + b"]", "application/json", 200),
        (b"[" + b" " * 65_536 + b"]", "application/json", 413),
        (b'{"a": NaN}', "application/json", 400),
        (b'{"a": "\\ud800"}', "application/json", 400),
        (b"{} {}", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"[" * 30_000, "application/json", 400),
    ],
)
async def test_a_body_is_json_of_bounded_size(
    client: Client, body: bytes, content_type: str, status: int
) -> None:
    headers = {"Content-Type": content_type}
    answer = await client.ask("POST", "/echo", data=body, headers=headers)
    assert answer.status == status
    assert answer.code in (None, "bad_request", "too_large", "unsupported_media_type")


async def test_a_body_of_unknown_length_is_bounded_too(client: Client) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 8192

    headers = {"Content-Type": "application/json"}
    answer = await client.ask("POST", "/echo", data=endless(), headers=headers)
    assert (answer.status, answer.code) == (413, "too_large")


async def raw(client: Client, sent: bytes, *, end: bool = False) -> tuple[int, Any, bytes]:
    """What the server answers to these bytes: (status, problem, everything)."""
    port = int(client.url.rsplit(":", 1)[1])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sent)
        if end:
            writer.write_eof()
        answer = await asyncio.wait_for(reader.read(), 20)
    finally:
        writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head, answer
    return int(head.split()[1]), orjson.loads(body), answer


HEAD = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
LONG = SENT.encode() * 800


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (SENT.encode() + b"\r\n\r\n", 400, "bad_request"),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + SENT.encode() + b"\r\n\r\n", 400, "bad_request"),
        (
            b"GET /healthz HTTP/1.1\r\nHost: x\r\nQueue-Token: " + SENT.encode() + b"\x00\r\n\r\n",
            400,
            "bad_request",
        ),
        (
            b"GET /healthz HTTP/1.1\r\nHost: x\r\nQueue-Token: " + LONG + b"\r\n\r\n",
            431,
            "headers_too_large",
        ),
        (b"GET /" + LONG + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431, "headers_too_large"),
        (HEAD + b"Content-Length: " + SENT.encode() + b"\r\n\r\n", 400, "bad_request"),
        (HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400, "bad_request"),
        (
            HEAD + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + b"zz\r\n{}\r\n",
            400,
            "bad_request",
        ),
    ],
)
async def test_what_the_parser_refuses_is_a_problem_without_an_echo(
    client: Client, sent: bytes, status: int, code: str
) -> None:
    with structlog.testing.capture_logs() as logged:
        found, problem, answer = await raw(client, sent)

    assert (found, problem["status"], problem["code"]) == (status, status, code)
    assert SENT.encode() not in answer
    assert SENT not in str(logged)


async def test_a_header_that_fits_both_tokens_is_taken(client: Client) -> None:
    headers = {"Authorization": "x" * 8000, "Queue-Token": "x" * 8000}
    assert (await client.ask("GET", "/healthz", headers=headers)).status == 200


async def test_a_body_that_never_ends_is_given_up(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plumbing, "BODY_DEADLINE_S", 0.2)
    sent = HEAD + b"Content-Length: 10\r\nConnection: close\r\n\r\n{"
    status, problem, _ = await raw(client, sent)
    assert (status, problem["code"]) == (400, "bad_request")


async def test_only_our_origins_are_let_read_answers(client: Client) -> None:
    for origin in ("http://evil.example", f"{ORIGIN}.evil.example", "null", ORIGIN.upper()):
        for method in ("GET", "OPTIONS"):
            answer = await client.ask(method, "/healthz", headers={"Origin": origin})
            assert not [name for name in answer.headers if name.startswith("Access-Control")]
    ours = await client.ask("GET", "/nowhere", headers={"Origin": ORIGIN})
    assert ours.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert ours.headers["Vary"] == "Origin"


async def test_a_page_of_ours_may_send_every_header_that_our_routes_take(client: Client) -> None:
    answer = await client.ask("OPTIONS", "/healthz", headers={"Origin": ORIGIN})
    allowed = set(answer.headers["Access-Control-Allow-Headers"].split(", "))
    assert allowed == {
        "Authorization",
        "Content-Type",
        "Idempotency-Key",
        "If-Match",
        "If-None-Match",
        "Queue-Token",
    }
