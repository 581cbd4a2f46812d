"""The gate in front of other sites: both examples before a real gateway, with real passes."""

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import jwt
import pytest
from yarl import URL

from examples import aiohttp_site, asgi_site
from onsale.gate.asgi import Gate
from shared.passes import Passes
from shared.tokens import Place
from tests.integration.gateways import TOKEN, configure, join
from tests.integration.services import PASS_KEY, Client, served
from tests.unit.test_passes import OTHER_KEY

HOST = "shop.example"
KID = Passes((PASS_KEY,)).jwks()["keys"][0]["kid"]

Ask = Callable[[str, str, dict[str, str]], Awaitable[tuple[int, dict[str, str], Any]]]


@dataclass
class Site:
    """One of the examples; `ask(method, path, headers)` gives status, headers and body."""

    ask: Ask

    async def hello(self, found: str, **headers: str) -> Any:
        """What the site says to somebody with this pass, or the code of its refusal."""
        status, _, body = await self.ask("GET", "/", {"Queue-Pass": found, **headers})
        assert status == 200 or body["status"] == status
        return body.get("hello", body.get("code"))


def asgi_client(app: Any) -> Ask:
    """Call an ASGI app as a server does."""

    async def ask(
        method: str, path: str, headers: dict[str, str]
    ) -> tuple[int, dict[str, str], Any]:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        raw = [(k.lower().encode(), v.encode("latin-1")) for k, v in headers.items()]
        scope = {
            "type": "http",
            "method": method,
            "path": unquote(path),
            "raw_path": path.encode(),
            "headers": raw,
        }
        await app(scope, receive, send)
        start, body = sent
        found = {k.decode().title(): v.decode() for k, v in start["headers"]}
        return start["status"], found, json.loads(body["body"])

    return ask


def http_client(client: Client) -> Ask:
    async def ask(
        method: str, path: str, headers: dict[str, str]
    ) -> tuple[int, dict[str, str], Any]:
        url = URL(client.url + path, encoded=True)  # as it is
        async with client.session.request(method, url, headers=headers) as answer:
            return answer.status, dict(answer.headers), await answer.json(content_type=None)

    return ask


@pytest.fixture(params=["aiohttp", "asgi"])
async def site(request: pytest.FixtureRequest, gateway: Client) -> AsyncIterator[Site]:
    """An example behind the room, which lets everybody in."""
    await configure(gateway, max_active=1000, admit_per_minute=6_000_000)
    if request.param == "asgi":
        yield Site(asgi_client(asgi_site.create_app(gateway.url, "spring-tour")))
        return
    async with served(aiohttp_site.create_app(gateway.url, "spring-tour")) as client:
        yield Site(http_client(client))


async def pass_of(gateway: Client, visitor: str = "ann") -> str:
    answer = await join(gateway, visitor)
    assert answer.json["status"] == "ACTIVE"
    return str(answer.json["pass"])


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    return {
        "iss": "onsale",
        "aud": "spring-tour",
        "sub": "ann",
        "jti": "spring-tour.1.1",
        "iat": now,
        "exp": now + 60,
        **changes,
    }


def made(said: dict[str, Any], key: str = PASS_KEY, **header: Any) -> str:
    """A pass as its owner would not make it."""
    private = Passes((key,))._key
    assert private is not None
    headers = {k: v for k, v in {"kid": KID, **header}.items() if v is not None}
    return jwt.encode(said, private, algorithm="EdDSA", headers=headers)


async def test_who_is_inside_gets_through_and_is_known(gateway: Client, site: Site) -> None:
    for visitor in ("ann", "zoë / 1"):
        assert await site.hello(await pass_of(gateway, visitor)) == visitor


async def test_a_pass_that_a_proxy_hands_on_is_good(gateway: Client, site: Site) -> None:
    found = {"X-Onsale-Pass": await pass_of(gateway)}
    status, _, body = await site.ask("POST", "/", found)
    assert (status, body) == (200, {"hello": "ann"})


async def test_without_a_pass_one_is_told_where_to_join(gateway: Client, site: Site) -> None:
    status, headers, body = await site.ask("GET", "/", {})

    assert (status, body["code"], body["retryable"]) == (403, "pass_required", False)
    assert headers["Content-Type"] == "application/problem+json"
    assert headers["Cache-Control"] == "no-store"
    assert body["join_url"] == gateway.url + TOKEN


async def test_what_is_open_needs_no_pass_and_nothing_else_is(site: Site) -> None:
    assert (await site.ask("GET", "/about", {}))[0] == 200
    for path in ("/about/", "//about", "/about/.", "/x/../about/%2e", "/About", "/%61bout"):
        assert (await site.ask("GET", path, {}))[0] == 403


async def test_who_waits_has_nothing_to_show(gateway: Client, site: Site) -> None:
    await configure(gateway, max_active=0)
    joined = await join(gateway, "bob")
    assert joined.json["pass"] is None
    assert await site.hello("") == "pass_required"
    assert await site.hello("null") == "pass_invalid"
    assert await site.hello(joined.json["token"]) == "pass_invalid"


async def test_a_pass_of_another_room_is_none(gateway: Client, site: Site) -> None:
    other = Passes((PASS_KEY,)).sign(Place("other-room", "ann", 1, 1), 1 << 62)
    assert other is not None
    assert await site.hello(other) == "pass_invalid"


async def test_the_tests_own_passes_are_good_if_nothing_is_wrong_with_them(site: Site) -> None:
    assert await site.hello(made(claims())) == "ann"


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "other-room"},
        {"aud": ["spring-tour", "other-room"]},
        {"aud": ["spring-tour"]},
        {"iss": "somebody"},
        {"exp": 1},
        {"iat": 1 << 40},
        {"sub": 7},
        *({name: None} for name in ("iss", "aud", "sub", "jti", "iat", "exp")),
    ],
    ids=str,
)
async def test_a_pass_says_what_it_must_say(site: Site, changes: dict[str, Any]) -> None:
    said = {name: value for name, value in claims(**changes).items() if value is not None}
    assert await site.hello(made(said)) == "pass_invalid"


async def test_a_pass_that_has_run_out_is_none(site: Site) -> None:
    now = claims()["iat"]
    assert await site.hello(made(claims(iat=now - 120, exp=now - 6))) == "pass_invalid"


async def test_a_forged_pass_is_none(gateway: Client, site: Site) -> None:
    good = await pass_of(gateway)
    head, body, signature = good.split(".")
    (public,) = (await gateway.ask("GET", "/.well-known/jwks.json")).json["keys"]
    hmac = jwt.encode(
        claims(), public["x"].encode(), algorithm="HS256", headers={"kid": public["kid"]}
    )
    unsigned = jwt.encode(claims(), "", algorithm="none", headers={"kid": public["kid"]})
    for forged in (
        made(claims(), key=OTHER_KEY),
        made(claims(), key=OTHER_KEY, kid="another"),
        made(claims(), kid=None),
        made(claims(), kid="../../etc/passwd"),
        hmac,
        unsigned,
        f"{head}.{body}.",
        f"{head}.{body}",
        f"{head}.{body}.{signature[:-4]}AAAA",
        good + "x",
        "x" * 8000,
        "....",
        "\xe9",
    ):
        assert await site.hello(forged) == "pass_invalid"
    assert await site.hello(good) == "ann"


async def test_a_pass_in_a_cookie_is_good_for_reading(gateway: Client, site: Site) -> None:
    cookie = {"Cookie": f"a=b; onsale_pass_spring-tour={await pass_of(gateway)}", "Host": HOST}

    assert (await site.ask("GET", "/", cookie))[0] == 200
    for origin in ({}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
        status, _, body = await site.ask("POST", "/", {**cookie, **origin})
        assert (status, body["code"]) == (403, "forbidden")
    ours = {**cookie, "Origin": f"https://{HOST}"}
    assert (await site.ask("POST", "/", ours))[0] == 200


async def test_a_header_that_is_no_pass_is_not_made_good_by_a_cookie(
    gateway: Client, site: Site
) -> None:
    found = await pass_of(gateway)
    assert await site.hello("x", Cookie=f"onsale_pass_spring-tour={found}") == "pass_invalid"


async def test_websockets_are_judged_like_changes(gateway: Client) -> None:
    await configure(gateway, max_active=1000, admit_per_minute=6_000_000)
    found = await pass_of(gateway)
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope.get("onsale_visitor"))

    guarded = Gate(app, gateway.url, "spring-tour")

    async def connect(**headers: str) -> list[Any]:
        raw = [(k.lower().encode(), v.encode()) for k, v in headers.items()]
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        await guarded({"type": "websocket", "path": "/", "headers": raw}, None, send)  # type: ignore[arg-type]
        return sent

    cookie = {"Cookie": f"onsale_pass_spring-tour={found}", "Host": HOST}
    for refused in ({}, cookie, {**cookie, "Origin": "https://evil.example"}):
        (close,) = await connect(**refused)
        assert (close["type"], close["code"]) == ("websocket.close", 1008)
    assert seen == []
    await connect(**cookie, Origin=f"https://{HOST}")
    await guarded({"type": "lifespan"}, None, None)  # type: ignore[arg-type]
    assert seen == ["ann", None]
