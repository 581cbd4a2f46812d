"""The gateway over HTTP, for visitors and proxies: the contract, good and bad input."""

import asyncio
import base64
import time
from collections import Counter
from typing import Any

import asyncpg
import jwt
import orjson
import pytest

from shared.tokens import Place
from tests.integration.gateways import ROOM, TOKEN, configure, join, queued
from tests.integration.services import (
    IDENTITY_SECRET,
    ORIGIN,
    Client,
    tokens,
)
from tests.waiting import wait_until


async def test_a_visitor_joins_asks_and_leaves(gateway: Client) -> None:
    await configure(gateway, max_active=0)
    joined = await join(gateway, "ann")
    assert joined.status == 201
    assert joined.json == {
        "token": joined.json["token"],
        "room_id": "spring-tour",
        "status": "WAIT",
        "number": 1,
        "position": 1,
        "waiting": 1,
        "eta_s": None,
        "poll_after_ms": joined.json["poll_after_ms"],
        "expires_at": None,
        "reason": None,
        "lane": None,
        "state": "open",
        "opens_at": None,
        "sale": None,
        "pass": None,
    }
    asked = await gateway.ask("GET", TOKEN, headers=queued(joined))
    assert asked.status == 200
    assert "token" not in asked.json
    assert asked.json["position"] == 1
    for _ in range(2):
        assert (await gateway.ask("DELETE", TOKEN, headers=queued(joined))).status == 204
    left = await gateway.ask("GET", TOKEN, headers=queued(joined))
    assert (left.json["status"], left.json["reason"], left.json["position"]) == (
        "EXPIRED",
        "left",
        None,
    )


async def test_a_hundred_joins_of_one_visitor_make_one_place(gateway: Client) -> None:
    await configure(gateway, max_active=0)
    answers = await asyncio.gather(*(join(gateway, "ann") for _ in range(100)))
    assert Counter(answer.status for answer in answers) == {201: 1, 200: 99}
    jtis = {
        jwt.decode(answer.json["token"], options={"verify_signature": False})["jti"]
        for answer in answers
    }
    assert len(jtis) == 1


async def test_the_line_moves_when_somebody_leaves(gateway: Client) -> None:
    await configure(gateway, max_active=1, admit_per_minute=6000)
    first, second = await join(gateway, "ann"), await join(gateway, "bob")
    assert [first.json["status"], second.json["status"]] == ["ACTIVE", "WAIT"]
    assert first.json["expires_at"].endswith("Z")
    await gateway.ask("DELETE", TOKEN, headers=queued(first))

    async def admitted() -> bool:
        answer = await gateway.ask("GET", TOKEN, headers=queued(second))
        return bool(answer.json["status"] == "ACTIVE")

    await wait_until(admitted)


async def test_the_journal_reaches_the_table(gateway: Client, database_url: str) -> None:
    await configure(gateway, max_active=1)
    first = await join(gateway, "ann")
    second = await join(gateway, "bob")
    await gateway.ask("DELETE", TOKEN, headers=queued(first))
    connection = await asyncpg.connect(database_url)
    try:

        async def written() -> list[tuple[str, str, str | None, bool]]:
            rows = await connection.fetch("SELECT * FROM queue ORDER BY number")
            found = [
                (r["visitor"], r["status"], r["reason"], r["expired_at"] is not None) for r in rows
            ]
            return found if [f[1] for f in found] == ["EXPIRED", "ACTIVE"] else []

        assert await wait_until(written) == [
            ("ann", "EXPIRED", "left", True),
            ("bob", "ACTIVE", None, True),
        ]
        value = await connection.fetchval("SELECT token_value FROM queue WHERE visitor = 'bob'")
        assert value == tokens().verify(second.json["token"]).jti
        await configure(gateway, state="closed")

        async def ended() -> bool:
            live = await connection.fetchval(
                "SELECT count(*) FROM queue WHERE status <> 'EXPIRED' OR reason IS NULL"
            )
            return bool(live == 0)

        await wait_until(ended)
    finally:
        await connection.close()


async def test_authorize_says_204_only_to_an_active_token(gateway: Client) -> None:
    await configure(gateway, max_active=1)
    active, waiting = await join(gateway, "ann"), await join(gateway, "bob")
    path = f"{ROOM}/authorize"
    assert (await gateway.ask("GET", path, headers=queued(active))).status == 204
    refused = await gateway.ask("GET", path, headers=queued(waiting))
    assert (refused.status, refused.code) == (403, "queue_token_waiting")
    assert refused.json["position"] == 1
    assert int(refused.headers["Retry-After"]) >= 1
    await gateway.ask("DELETE", TOKEN, headers=queued(active))
    gone = await gateway.ask("GET", path, headers=queued(active))
    assert (gone.status, gone.code) == (403, "queue_token_expired")
    assert (await gateway.ask("GET", path)).status == 401


async def test_a_browser_keeps_its_place_in_a_cookie(gateway: Client) -> None:
    await configure(gateway, max_active=0)
    joined = await join(gateway, "ann")
    cookie = joined.headers["Set-Cookie"]
    assert cookie.startswith("onsale_spring-tour=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    held = {"Cookie": f"onsale_spring-tour={joined.json['token']}"}
    assert (await gateway.ask("GET", TOKEN, headers=held)).json["status"] == "WAIT"
    other_site = {**held, "Origin": "http://evil.example"}
    assert (await gateway.ask("DELETE", TOKEN, headers=held)).code == "forbidden"
    assert (await gateway.ask("DELETE", TOKEN, headers=other_site)).code == "forbidden"
    own = {**held, "Origin": gateway.url}
    assert (await gateway.ask("DELETE", TOKEN, headers=own)).status == 204


async def test_a_header_wins_over_the_cookie(gateway: Client) -> None:
    await configure(gateway, max_active=0)
    ann, bob = await join(gateway, "ann"), await join(gateway, "bob")
    both = {**queued(bob), "Cookie": f"onsale_spring-tour={ann.json['token']}"}
    assert (await gateway.ask("GET", TOKEN, headers=both)).json["number"] == 2


def forged() -> dict[str, str]:
    """Tokens that are not ours, by what is wrong with them."""
    good = tokens().sign(Place("spring-tour", "ann", 1, 1))
    head, claims, signature = good.split(".")
    none = base64.urlsafe_b64encode(orjson.dumps({"alg": "none", "kid": "x"})).decode().rstrip("=")
    return {
        "empty": "",
        "words": "not a token",
        "truncated": good[:-5],
        "unsigned": f"{head}.{claims}.",
        "alg none": f"{none}.{claims}.",
        "other signature": f"{head}.{claims}.{signature[::-1]}",
        "oversized": good + "A" * 4000,
        "other room": tokens().sign(Place("autumn-tour", "ann", 1, 1)),
    }


@pytest.mark.parametrize("wrong", forged())
async def test_a_forged_token_is_401(gateway: Client, wrong: str) -> None:
    await configure(gateway, max_active=0)
    for method in ("GET", "DELETE"):
        answer = await gateway.ask(method, TOKEN, headers={"Queue-Token": forged()[wrong]})
        assert (answer.status, answer.code) == (401, "queue_token_invalid")
        assert forged()[wrong] == "" or forged()[wrong].encode() not in answer.body


async def test_no_token_is_401(gateway: Client) -> None:
    await configure(gateway)
    for method, path in (("GET", TOKEN), ("DELETE", TOKEN), ("GET", f"{ROOM}/authorize")):
        answer = await gateway.ask(method, path)
        assert (answer.status, answer.code) == (401, "queue_token_required")


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "ann", "exp": int(time.time()) - 10},
        {"exp": int(time.time()) + 60},
        {"sub": "", "exp": int(time.time()) + 60},
        {"sub": "a\x00b", "exp": int(time.time()) + 60},
        {"sub": "a" * 300, "exp": int(time.time()) + 60},
        {"sub": "\ud800", "exp": int(time.time()) + 60},
    ],
)
async def test_a_bad_identity_is_401(gateway: Client, claims: dict[str, Any]) -> None:
    await configure(gateway)
    token = jwt.encode(claims, IDENTITY_SECRET, algorithm="HS256")
    answer = await gateway.ask("POST", TOKEN, headers={"Authorization": f"Bearer {token}"})
    assert (answer.status, answer.code) == (401, "identity_invalid")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer  ",
        "Basic YTpi",
        "Bearer x",
        "Bearer " + "x" * 5000,
        "Bearer " + jwt.encode({"sub": "ann"}, "", algorithm="none"),
        "Bearer " + jwt.encode({"sub": "ann"}, "another-secret-which-is-long-too", "HS256"),
    ],
)
async def test_a_bad_authorization_is_401(gateway: Client, header: str) -> None:
    await configure(gateway)
    answer = await gateway.ask("POST", TOKEN, headers={"Authorization": header})
    assert (answer.status, answer.code) == (401, "identity_invalid")
    assert (await gateway.ask("GET", ROOM)).json["waiting"] == 0


async def test_joining_needs_an_identity(gateway: Client) -> None:
    await configure(gateway)
    answer = await gateway.ask("POST", TOKEN)
    assert (answer.status, answer.code) == (401, "identity_required")


@pytest.mark.parametrize(
    "room_id", ["nowhere", "UPPER", "a.b", "a%00b", "%2e%2e", "x" * 64, "ü", "a%2Fb", "{room:x}"]
)
async def test_an_unknown_room_is_404(gateway: Client, room_id: str) -> None:
    await configure(gateway)
    joined = await gateway.as_visitor("ann", "POST", f"/v1/rooms/{room_id}/token")
    assert (joined.status, joined.code) == (404, "not_found")
    assert (await gateway.ask("GET", f"/v1/rooms/{room_id}")).code == "not_found"
    assert (await gateway.as_operator("GET", f"/v1/admin/rooms/{room_id}")).code == "not_found"


async def test_a_closed_room_refuses_to_be_joined(gateway: Client) -> None:
    await configure(gateway, state="closed")
    answer = await join(gateway, "ann")
    assert (answer.status, answer.code) == (409, "room_closed")


async def test_the_public_state_is_the_same_bytes_for_everybody(gateway: Client) -> None:
    await configure(gateway, title="Spring Tour", max_active=0, admit_per_minute=60)
    await join(gateway, "ann")
    anonymous = await gateway.ask("GET", ROOM)
    known = await gateway.as_visitor("ann", "GET", ROOM)
    assert anonymous.body == known.body
    assert set(anonymous.json) == {
        "room_id",
        "title",
        "state",
        "reason",
        "opens_at",
        "serving_number",
        "waiting",
        "active",
        "admitted_per_minute",
        "identity",
        "lanes",
        "sale",
    }
    assert anonymous.headers["Cache-Control"] == "public, max-age=1"
    again = await gateway.ask("GET", ROOM, headers={"If-None-Match": anonymous.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")
    rooms = await gateway.ask("GET", "/v1/rooms")
    assert rooms.json == {"items": [anonymous.json], "next_cursor": None}


async def raw(gateway: Client, sent: bytes) -> tuple[bytes, Any]:
    """What the server answers to these very bytes: (status line, JSON body)."""
    port = int(gateway.url.rsplit(":", 1)[1])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sent)
        head, _, body = (await asyncio.wait_for(reader.read(), 10)).partition(b"\r\n\r\n")
        assert b"application/problem+json" in head
        return head.split(b"\r\n")[0], orjson.loads(body)
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"GARBAGE\r\n\r\n", 400, "bad_request"),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n", 400, "bad_request"),
        (
            b"GET /healthz HTTP/1.1\r\nHost: x\r\nQueue-Token: " + b"s3cret" * 3000 + b"\r\n\r\n",
            431,
            "headers_too_large",
        ),
        (b"GET /" + b"s3cret" * 3000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431, "headers_too_large"),
    ],
)
async def test_what_the_parser_refuses_is_a_problem_too(
    gateway: Client, sent: bytes, status: int, code: str
) -> None:
    line, problem = await raw(gateway, sent)
    assert str(status).encode() in line
    assert (problem["status"], problem["code"]) == (status, code)
    assert "s3cret" not in str(problem)


async def test_unknown_addresses_and_methods_are_problems(gateway: Client) -> None:
    assert (await gateway.ask("GET", "/nowhere")).code == "not_found"
    wrong = await gateway.ask("PATCH", TOKEN)
    assert (wrong.status, wrong.code) == (405, "method_not_allowed")
    assert "POST" in wrong.headers["Allow"]


async def test_only_known_origins_may_call_from_a_browser(gateway: Client) -> None:
    await configure(gateway)
    preflight = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    allowed = await gateway.ask("OPTIONS", TOKEN, headers=preflight)
    assert allowed.status == 204
    assert allowed.headers["Access-Control-Allow-Origin"] == ORIGIN
    refused = await gateway.ask("GET", ROOM, headers={"Origin": "http://evil.example"})
    assert "Access-Control-Allow-Origin" not in refused.headers
    missing = await gateway.ask("GET", "/nowhere", headers={"Origin": ORIGIN})
    assert "Retry-After" in missing.headers["Access-Control-Expose-Headers"]


async def test_health_is_open_and_metrics_name_no_visitor(gateway: Client) -> None:
    await configure(gateway)
    await join(gateway, "visitor-with-a-name")
    assert (await gateway.ask("GET", "/healthz")).status == 200
    assert (await gateway.ask("GET", "/readyz")).status == 200
    metrics = await gateway.ask("GET", "/metrics")
    assert b"onsale_requests_total" in metrics.body
    assert b"visitor-with-a-name" not in metrics.body
