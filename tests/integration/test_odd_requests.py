"""Requests that no ordinary client sends: each gets an answer, which is a problem or a success,
never a 500, and which tells nothing of what was sent."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from queue_gateway.app import create_app
from tests import booking_stack
from tests.integration import services

MARK = b"s3cret"
#: A route of each service that reads a body, open to everybody.
NAMED = b'{"user_name": "Ann"}'


def request(
    line: bytes, *headers: bytes, body: bytes = b"", host: bytes = b"Host: shop\r\n"
) -> bytes:
    """A request's bytes; its connection ends with the answer."""
    sent = b"".join(header + b"\r\n" for header in headers)
    return line + b" HTTP/1.1\r\n" + host + b"Connection: close\r\n" + sent + b"\r\n" + body


def get(path: bytes, *headers: bytes) -> bytes:
    return request(b"GET " + path, *headers)


def sign_up(*headers: bytes, body: bytes = NAMED) -> bytes:
    return request(b"POST /v1/users", b"Content-Type: application/json", *headers, body=body)


def length(text: bytes) -> bytes:
    return b"Content-Length: " + text


CHUNKED = b"Transfer-Encoding: chunked"
CHUNKS = b"14\r\n" + NAMED + b"\r\n0\r\n\r\n"
OURS = length(b"%d" % len(NAMED))

#: What is sent, and the statuses it may get on the gateway and on the booking API.
REFUSED = {400}
PARSER: dict[str, bytes] = {
    "a negative length": sign_up(length(b"-1")),
    "a signed length": sign_up(length(b"+20")),
    "a length in words": sign_up(length(MARK)),
    "a length of many digits": sign_up(length(b"9" * 30)),
    "two lengths": sign_up(length(b"20"), length(b"3")),
    "a length and chunks": sign_up(OURS, CHUNKED),
    "a transfer coding we do not know": sign_up(b"Transfer-Encoding: " + MARK),
    "no host": request(b"GET /healthz", host=b""),
    "two hosts": get(b"/healthz", b"Host: " + MARK),
    "a path of raw bytes": get(b"/v1/rooms/\xff" + MARK),
    "an address that is none": get(b"http://[" + MARK + b"/healthz"),
    "a port that is none": get(b"http://shop:99999999/healthz"),
    "a header without a name": get(b"/healthz", b": " + MARK),
    "a header with NUL": get(b"/healthz", b"X: \x00" + MARK),
    "a header with a control character": get(b"/healthz", b"Authorization: \x01" + MARK),
    "a folded header": get(b"/healthz", b"X: a\r\n " + MARK),
    "a hundred headers too many": get(b"/healthz", *[b"X-%d: 1" % n for n in range(300)]),
    "a method that is none": request(b"G\xffT /healthz"),
    "a method in small letters": request(b"get /healthz"),
    "HTTP/3 on TCP": b"GET /healthz HTTP/3.0\r\nHost: shop\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "an expectation we do not know": get(b"/healthz", b"Expect: " + MARK),
    "an expectation where nothing is": get(b"/nowhere", b"Expect: " + MARK),
}

NOT_THERE: dict[str, bytes] = {
    "%00 in a path": get(b"/v1/rooms/a%00" + MARK),
    "%ff in a path": get(b"/v1/rooms/%ff" + MARK),
    "%ff as a path": get(b"/%ff" + MARK),
    "half an escape": get(b"/v1/rooms/%"),
    "an escape of no digits": get(b"/v1/rooms/%zz" + MARK),
    "an escaped slash": get(b"/v1/rooms/a%2f" + MARK),
    "an escaped surrogate": get(b"/v1/rooms/%ED%A0%80"),
    "dots": get(b"/v1/../healthz" + MARK),
    "two slashes": get(b"//healthz"),
    "an unfinished host in the path": get(b"//[" + MARK),
    "a tunnel": request(b"CONNECT shop:80"),
    "everything's options": request(b"OPTIONS *"),
    "HEAD of nothing": request(b"HEAD /nowhere"),
}

FINE: dict[str, bytes] = {
    "a query of bad escapes": get(b"/openapi.json?a=%ff&%00=%zz&=&&==&%&since=%00"),
    "a query of seven kilobytes": get(b"/healthz?" + b"a=1&" * 1800),
    "a query that says a thing twice": get(b"/healthz?a=1&a=2"),
    "an absolute address": get(b"http://elsewhere/healthz"),
    "a host that is none": request(b"GET /healthz", host=b"Host: a b/c\xff\r\n"),
    "ETags that are none": get(b"/openapi.json", b"If-None-Match: \xff,,W/"),
    "a range": get(b"/openapi.json", b"Range: bytes=5-1"),
    "a body where none is read": request(b"GET /healthz", length(b"6"), body=MARK),
    "a scheme that is none": get(b"/healthz", b"X-Forwarded-Proto: \xff"),
    "HEAD of what is there": request(b"HEAD /docs"),
    "an upgrade": get(b"/healthz", b"Upgrade: websocket"),
}

GATEWAY: dict[str, tuple[bytes, set[int]]] = {
    "an operator's key of raw bytes": (
        get(b"/v1/admin/rooms/a", b"Authorization: Bearer \xff\xfe" + MARK),
        {401},
    ),
    "an identity of raw bytes": (
        request(b"POST /v1/rooms/a/token", b"Authorization: Bearer \xff" + MARK),
        {401},
    ),
    "two identities": (
        request(b"POST /v1/rooms/a/token", b"Authorization: Bearer a", b"Authorization: Bearer b"),
        {401},
    ),
    "a queue token of raw bytes": (get(b"/v1/rooms/a/token", b"Queue-Token: \xff" + MARK), {401}),
    "two queue tokens": (
        get(b"/v1/rooms/a/token", b"Queue-Token: a", b"Queue-Token: b"),
        {401},
    ),
    "cookies that are none": (
        get(b"/v1/rooms/a/token", b"Cookie: onsale_a=\xff; =;;; onsale_=1; a"),
        {401},
    ),
    "an origin that is none": (
        request(b"DELETE /v1/rooms/a/token", b"Origin: http://[", b"Cookie: onsale_a=" + MARK),
        {403},
    ),
    "an origin of nowhere": (
        request(
            b"DELETE /v1/rooms/a/token",
            b"Origin: null",
            b"Cookie: onsale_a=" + MARK,
            host=b"Host:\r\n",
        ),
        {400, 403},
    ),
    "options": (request(b"OPTIONS /v1/rooms"), {405}),
    "HEAD where only POST is": (request(b"HEAD /v1/rooms/a/token"), {401}),
    "a version that is none": (
        request(b"PUT /v1/admin/rooms/a", b"If-Match: \xff" + MARK),
        {401},
    ),
}

BOOKING: dict[str, tuple[bytes, set[int]]] = {
    "chunks": (sign_up(CHUNKED, body=CHUNKS), {201}),
    "chunks of a size that is none": (sign_up(CHUNKED, body=b"zz\r\n" + NAMED), {400}),
    "chunks that break off": (sign_up(CHUNKED, body=b'5\r\n{"use\r\n' + MARK + b"\r\n"), {400}),
    "chunks of more than a body may hold": (
        sign_up(CHUNKED, body=b"20000\r\n" + b" " * 0x20000 + b"\r\n0\r\n\r\n"),
        {413},
    ),
    "a length of more than a body may hold": (sign_up(length(b"70000"), body=b" " * 70_000), {413}),
    "a body said to be packed": (sign_up(OURS, b"Content-Encoding: gzip"), {400}),
    "a coding we do not know": (sign_up(OURS, b"Content-Encoding: " + MARK), {201}),
    "a character set we do not know": (
        request(
            b"POST /v1/users", OURS, b"Content-Type: application/json; charset=none", body=NAMED
        ),
        {201},
    ),
    "a media type that is none": (
        request(b"POST /v1/users", OURS, b"Content-Type: ;;=" + MARK, body=NAMED),
        {415},
    ),
    "a media type of raw bytes": (
        request(b"POST /v1/users", OURS, b"Content-Type: \xff", body=NAMED),
        {415},
    ),
    "two media types": (sign_up(OURS, b"Content-Type: text/plain"), {400}),
    "no media type": (request(b"POST /v1/users", OURS, body=NAMED), {415}),
    "an operator's key of raw bytes": (
        request(b"POST /v1/admin/concerts", b"Authorization: Bearer \xff\xfe" + MARK),
        {401},
    ),
    "an identity of raw bytes": (
        get(b"/v1/users/me", b"Authorization: Bearer \xff" + MARK),
        {401},
    ),
    "cookies that are none": (get(b"/v1/users/me", b"Cookie: onsale_identity=\xff; =;;; a"), {401}),
    "an origin that is none": (
        request(b"POST /v1/payments", b"Origin: http://[", b"Cookie: onsale_identity=" + MARK),
        {403},
    ),
    "%00 as an id": (get(b"/v1/bookings/%00"), {401}),
    "options": (request(b"OPTIONS /v1/payments"), {405}),
    "HEAD where only POST is": (request(b"HEAD /v1/payments"), {405}),
}

COMMON: dict[str, tuple[bytes, set[int]]] = {
    **{name: (sent, {400}) for name, sent in PARSER.items()},
    **{name: (sent, {404}) for name, sent in NOT_THERE.items()},
    **{name: (sent, {200}) for name, sent in FINE.items()},
    "a query of twenty kilobytes": (get(b"/healthz?" + MARK * 4000), {431}),
    "a header of twenty kilobytes": (get(b"/healthz", b"X: " + MARK * 4000), {431}),
}


async def exchange(port: int, sent: bytes) -> tuple[bytes, bytes]:
    """What comes back before the server closes, or has said all: (head, body)."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sent)
        async with asyncio.timeout(20):
            head = await reader.readuntil(b"\r\n\r\n")
            announced = [
                int(line.split(b":")[1])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length")
            ]
            empty = sent.startswith(b"HEAD") or not announced
            body = b"" if empty else await reader.readexactly(announced[0])
    finally:
        writer.close()
    return head, body


async def look(url: str, cases: dict[str, tuple[bytes, set[int]]]) -> None:
    """Send each, and judge each answer."""
    port = int(url.rsplit(":", 1)[1])
    for name, (sent, allowed) in cases.items():
        head, body = await exchange(port, sent)
        status = int(head.split(b" ")[1])
        assert status in allowed, (name, head, body)
        if status >= 400:
            assert b"application/problem+json" in head, (name, head)
            assert sent.startswith(b"HEAD") or json.loads(body)["status"] == status, name
        assert MARK not in head + body, (name, head, body)


@pytest.fixture
async def gateway(redis: Redis, redis_url: str, database_url: str) -> AsyncIterator[str]:
    async with services.served(create_app(services.settings(redis_url, database_url))) as client:
        yield client.url


@pytest.fixture
async def booking(redis: Redis, redis_url: str, database_url: str) -> AsyncIterator[str]:
    async with booking_stack.running(redis, redis_url, database_url) as stack:
        yield stack.url


async def test_the_gateway_answers_odd_requests(gateway: str) -> None:
    await look(gateway, COMMON | GATEWAY)


async def test_the_booking_api_answers_odd_requests(booking: str) -> None:
    await look(booking, COMMON | BOOKING)


async def test_whoever_expects_100_continue_gets_it_before_sending_the_body(booking: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(booking.rsplit(":", 1)[1]))
    try:
        async with asyncio.timeout(20):
            writer.write(sign_up(OURS, b"Expect: 100-continue", body=b""))
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(NAMED)
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 201 ")
    finally:
        writer.close()
