"""A site behind the waiting room: the recipe for nginx before a real gateway, on a real nginx.

The site records what reaches it. Requests go over bare sockets, byte for byte: a client would tidy
up the very tricks that are tried here.
"""

import asyncio
import json
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
import pytest
from aiohttp import web
from redis.asyncio import Redis

from onsale.engines.account import unprivileged
from queue_gateway.app import create_app
from tests.guards import ROOT
from tests.integration.gateways import TOKEN, configure, join
from tests.integration.services import Client, served, settings
from tests.waiting import wait_until
from tests.wire import Wire, wired

NGINX = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
RECIPE = ROOT / "deploy" / "nginx" / "onsale.conf"
PAGE = ROOT / "deploy" / "waiting-room.html"
HOST = "shop.example"

#: Around the recipe, what a distribution's nginx.conf has; everything that is written lies in the
#: folder, for nginx runs without privileges here.
AROUND = """
daemon off;
pid nginx.pid;
error_log error.log;
events {{ }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include {recipe};
}}
"""


@dataclass
class Answer:
    """What came back of a request sent byte for byte."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Site:
    """Somebody's site behind nginx, and the requests that reached it."""

    port: int
    gateway: Client
    wire: Wire
    reached: list[Any] = field(default_factory=list)

    async def send(self, target: str, method: str = "GET", **headers: str) -> Answer:
        """Send this request target as it is; `_` in a header's name stands for '-'."""
        lines = [f"{method} {target} HTTP/1.1", f"Host: {HOST}", "Connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return await self.raw("\r\n".join([*lines, "", ""]).encode("latin-1"))

    async def raw(self, request: bytes) -> Answer:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request)
        raw = await asyncio.wait_for(reader.read(), 20)
        writer.close()
        head, _, body = raw.partition(b"\r\n\r\n")
        status, *rest = head.decode("latin-1").split("\r\n")
        headers = dict(line.split(": ", 1) for line in rest)
        return Answer(int(status.split()[1]), {k.lower(): v for k, v in headers.items()}, body)


@asynccontextmanager
async def echo(reached: list[Any]) -> AsyncIterator[Client]:
    """A site that records every request and tells what it got."""

    async def tell(request: web.Request) -> web.Response:
        got = {
            "method": request.method,
            "target": request.raw_path,
            "headers": {name.lower(): value for name, value in request.headers.items()},
        }
        reached.append(got)
        status = 403 if request.path == "/refused-by-the-site" else 200
        return web.json_response(got, status=status)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", tell)
    async with served(app) as client:
        yield client


@asynccontextmanager
async def nginx(gateway_url: str, site_url: str) -> AsyncIterator[int]:
    """The recipe on a running nginx, with other ports; yields its own."""
    assert NGINX is not None
    folder = Path(tempfile.mkdtemp(prefix="onsale-nginx-"))
    port = free_port()
    recipe = RECIPE.read_text(encoding="utf-8")
    for theirs, ours in (
        ("127.0.0.1:8080", gateway_url.removeprefix("http://")),
        ("127.0.0.1:3000", site_url.removeprefix("http://")),
        ("listen 8000;", f"listen 127.0.0.1:{port};"),
        ("/etc/nginx/onsale/waiting-room.html", str(folder / "waiting-room.html")),
    ):
        assert recipe.count(theirs) == 1, theirs
        recipe = recipe.replace(theirs, ours)
    (folder / "onsale.conf").write_text(recipe)
    (folder / "nginx.conf").write_text(AROUND.format(recipe=folder / "onsale.conf"))
    shutil.copy(PAGE, folder)
    process = started(folder)
    try:

        async def listens() -> bool:
            assert process.poll() is None, process.stderr and process.stderr.read()
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        await wait_until(listens)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(process.wait, 20)
        assert process.stderr is not None
        process.stderr.close()
        shutil.rmtree(folder)


def started(folder: Path) -> "subprocess.Popen[str]":
    """nginx with the configuration in this folder, without privileges."""
    somebody: dict[str, Any] = {}
    if (account := unprivileged()) is not None:
        somebody = {"user": account.uid, "group": account.gid, "extra_groups": []}
        for path in (folder, *folder.iterdir()):
            account.own(path)
    command = [str(NGINX), "-p", str(folder), "-c", "nginx.conf", "-e", "error.log"]
    return subprocess.Popen(command, cwd="/", stderr=subprocess.PIPE, text=True, **somebody)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
async def site(redis: Redis, redis_url: str, database_url: str) -> AsyncIterator[Site]:
    """A site behind nginx; a room that lets everybody in until a test says otherwise."""
    if NGINX is None:
        pytest.skip("no nginx here")
    reached: list[Any] = []
    async with (
        wired(redis_url) as wire,
        served(create_app(settings(wire.url, database_url))) as gateway,
        echo(reached) as behind,
        nginx(gateway.url, behind.url) as port,
    ):
        await configure(gateway, max_active=1000, admit_per_minute=6_000_000)
        yield Site(port, gateway, wire, reached)


async def let_in(site: Site, visitor: str = "ann") -> str:
    answer = await join(site.gateway, visitor)
    assert answer.json["status"] == "ACTIVE"
    return str(answer.json["token"])


async def waiting(site: Site) -> str:
    await configure(site.gateway, max_active=0)
    answer = await join(site.gateway, "bob")
    assert answer.json["status"] == "WAIT"
    return str(answer.json["token"])


def cookie(token: str) -> str:
    return f"onsale_spring-tour={token}"


async def test_who_is_inside_reaches_the_site_which_learns_who_it_is(site: Site) -> None:
    token = await let_in(site, "zoë / 1")
    by_header = await site.send("/protected?a=%2F", Queue_Token=token)
    by_cookie = await site.send("/protected?a=%2F", Cookie=cookie(token))

    for answer in (by_header, by_cookie):
        assert answer.status == 200
        got = json.loads(answer.body)
        assert got["target"] == "/protected?a=%2F"
        assert got["headers"]["x-onsale-visitor"] == "zo%C3%AB%20%2F%201"
        assert got["headers"]["x-onsale-room"] == "spring-tour"
        keys = (await site.gateway.ask("GET", "/.well-known/jwks.json")).json
        claims = jwt.decode(
            got["headers"]["x-onsale-pass"],
            jwt.PyJWKSet.from_dict(keys).keys[0],
            algorithms=["EdDSA"],
            audience="spring-tour",
        )
        assert claims["sub"] == "zoë / 1"
        assert "queue-token" not in got["headers"]


async def test_the_longest_name_fits(site: Site) -> None:
    name = "🎟" * 200
    token = await let_in(site, name)
    answer = await site.send("/protected", Queue_Token=token)
    assert (answer.status, len(site.reached)) == (200, 1)


async def test_who_waits_or_is_nobody_sees_the_waiting_room(site: Site) -> None:
    token = await waiting(site)
    for headers, status in (
        ({"Queue_Token": token}, 403),
        ({"Cookie": cookie(token)}, 403),
        ({}, 401),
        ({"Queue_Token": "x"}, 401),
        ({"Cookie": cookie("x")}, 401),
    ):
        for method in ("GET", "HEAD", "POST", "DELETE", "PROPFIND"):
            answer = await site.send("/protected", method, Content_Length="0", **headers)
            # A change with a cookie and without an Origin is refused before its token is read.
            assert answer.status in (status, 403)
            assert answer.headers["cache-control"] == "no-store"
            assert method == "HEAD" or answer.body == PAGE.read_bytes()
    assert site.reached == []


async def test_who_leaves_is_outside_at_once(site: Site) -> None:
    token = await let_in(site)
    await site.gateway.ask("DELETE", TOKEN, headers={"Queue-Token": token})
    assert (await site.send("/protected", Queue_Token=token)).status == 403
    assert site.reached == []


FORGED = {
    "X_Onsale_Visitor": "admin",
    "x_onsale_visitor": "admin",
    "X_Onsale_Room": "vip",
    "X_Onsale_Pass": "forged",
    "X_Forwarded_For": "6.6.6.6",
    "X_Forwarded_Host": "evil.example",
    "X_Forwarded_Proto": "forged",
    "X_Forwarded_Method": "forged",
    "X_Forwarded_Uri": "/forged",
    "X_Forwarded_Prefix": "/forged",
    "X_Original_URL": "/forged",
    "X_Rewrite_URL": "/forged",
    "Forwarded": "for=6.6.6.6",
}


async def test_what_the_gateway_says_of_a_visitor_cannot_be_forged(site: Site) -> None:
    token = await let_in(site)
    answer = await site.send("/protected", Queue_Token=token, **FORGED)

    got = json.loads(answer.body)["headers"]
    assert got["x-onsale-visitor"] == "ann"
    assert got["x-onsale-room"] == "spring-tour"
    assert not [value for value in got.values() if "forged" in value or "6.6.6.6" in value]
    assert "evil.example" not in got.values()


async def test_nobody_is_named_where_nobody_was_asked(site: Site) -> None:
    for target in ("/robots.txt", "/static/app.css"):
        answer = await site.send(target, **FORGED)
        got = json.loads(answer.body)["headers"]
        assert not [name for name in got if name.startswith("x-onsale")]
        assert not [value for value in got.values() if "forged" in value]


async def test_names_with_underscores_are_dropped(site: Site) -> None:
    token = await let_in(site)
    request = f"GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\nQueue-Token: {token}\r\n"
    answer = await site.raw(f"{request}X_Onsale_Visitor: admin\r\n\r\n".encode())
    assert b"admin" not in answer.body


async def test_a_form_of_another_sites_page_does_not_pass(site: Site) -> None:
    token = await let_in(site)
    sent = {"Cookie": cookie(token), "Content_Length": "0"}
    for origin in ({}, {"Origin": "https://evil.example"}):
        assert (await site.send("/protected", "POST", **sent, **origin)).status == 403
    forged = {"X_Forwarded_Method": "GET", "X_Forwarded_Host": "evil.example"}
    evil = await site.send("/protected", "POST", **sent, **forged, Origin="https://evil.example")
    assert evil.status == 403
    assert site.reached == []
    ours = await site.send("/protected", "POST", **sent, Origin=f"https://{HOST}")
    assert (ours.status, len(site.reached)) == (200, 1)


#: Every spelling of an address that a server somewhere takes for another one.
TRICKS = [
    "/protected",
    "/%70rotected",
    "/%2570rotected",
    "//protected",
    "///protected//",
    "/./protected",
    "/x/../protected",
    "/x/%2e%2e/protected",
    "/x/%2E./protected",
    "/x/..%2fprotected",
    "/x/..%2Fprotected",
    "/x/..;/protected",
    "/x/..\\protected",
    "/x/%5c../protected",
    "/PROTECTED",
    "/Protected/",
    "/protected/.",
    "/protected/..",
    "/protected/%2e%2e/protected",
    "/protected%2f..",
    "/protected%2f",
    "/protected%00",
    "/protected%20",
    "/protected;x=1",
    "/protected?/robots.txt",
    "/protected#/robots.txt",
    "/protected%23",
    "/protected%3f",
    "/robots.txt/../protected",
    "/robots.txt/",
    "/robots.txt%2f..%2fprotected",
    "/robots.txt%00/protected",
    "/robots.txt;/../protected",
    "/ROBOTS.TXT",
    "/static/../protected",
    "/static/%2e%2e/protected",
    "/static/%252e%252e/protected",
    "/static/..%2fprotected",
    "/static/..%252fprotected",
    "/static/..;/protected",
    "/static/..\\protected",
    "/static/..%5cprotected",
    "/static/.%00./protected",
    "/static/x%0a",
    "/static/x%0d%0a",
    "/static/x%20HTTP/1.1",
    "/static/",
    "/static",
    "/STATIC/app.css",
    "/static/app.css/../../protected",
    "/static/app.css;/protected",
    "/static/app.css%23/protected",
    "/v1/rooms/spring-tour/../../../protected",
    "/v1/rooms/spring-tour/token/../../../../protected",
    "/v1/rooms/spring-tour/token/x",
    "/v1/rooms/other/token",
    "/v1/admin/rooms",
    "/_onsale/authorize",
    "/_onsale/authorize/../../protected",
    "/_onsale/waiting-room.html",
    "/%5fonsale/authorize",
    f"http://{HOST}/protected",
    f"http://{HOST}//protected",
    f"http://{HOST}/static/../protected",
    "http://evil.example/protected",
    "https://evil.example/protected",
    f"http://{HOST}",
    f"http://{HOST}/robots.txt/../protected",
    "protected",
    "../protected",
    "*",
    "/\xe9",
    "/protected\xff",
    "/\x00protected",
    "/protected HTTP/1.1",
    "/x HTTP/9.9",
]


async def test_no_spelling_of_an_address_gets_past_without_an_active_token(site: Site) -> None:
    token = await waiting(site)
    for target in TRICKS:
        for headers in ({}, {"Queue_Token": token}, {"Cookie": cookie(token)}):
            for method in ("GET", "HEAD", "POST", "OPTIONS"):
                answer = await site.send(target, method, Content_Length="0", **headers)
                assert answer.status >= 400, (target, method)
                assert site.reached == [], (target, method)


async def test_the_same_spellings_pass_with_an_active_token_or_are_no_requests(site: Site) -> None:
    """Or the test above would hold for a proxy that refuses everything."""
    token = await let_in(site)
    passed = [t for t in TRICKS if (await site.send(t, Queue_Token=token)).status == 200]
    assert len(passed) == len(site.reached) > len(TRICKS) // 2


REACHES = {
    "/static/app.css": "/static/app.css",
    "/static/js/app-1.min.js?v=1": "/static/js/app-1.min.js?v=1",
    "/static//app.css": "/static/app.css",
    "/%73tatic/app.css": "/static/app.css",
    "/protected/../static/app.css": "/static/app.css",
    "/protected/..%2fstatic/app.css": "/static/app.css",
    "/protected/%2e%2e/robots.txt": "/robots.txt",
    "//robots.txt": "/robots.txt",
    "/robots.txt": "/robots.txt",
}


async def test_what_is_open_reaches_the_site_as_it_was_judged(site: Site) -> None:
    for target, reaches in REACHES.items():
        assert (await site.send(target)).status == 200
        assert site.reached.pop()["target"] == reaches


async def test_the_page_joins_and_asks_through_the_site(site: Site) -> None:
    await configure(site.gateway, identity="anonymous")
    site_headers = {"Origin": f"http://{HOST}", "Content_Length": "0"}
    joined = await site.send(TOKEN, "POST", **site_headers)
    assert joined.status == 201, joined.body
    given = joined.headers["set-cookie"].partition(";")[0]

    asked = json.loads((await site.send(TOKEN, Cookie=given)).body)
    assert asked["status"] == "ACTIVE"
    assert (await site.send("/protected", Cookie=given)).status == 200
    assert (await site.send("/v1/rooms/spring-tour")).status == 200
    left = await site.send(TOKEN, "DELETE", **site_headers, Cookie=given)
    assert left.status == 204
    assert (await site.send("/protected", Cookie=given)).status == 403


async def test_refusals_of_the_site_are_its_own(site: Site) -> None:
    token = await let_in(site)
    answer = await site.send("/refused-by-the-site", Queue_Token=token)
    assert answer.status == 403
    assert json.loads(answer.body)["target"] == "/refused-by-the-site"


async def test_without_the_gateway_nobody_gets_in_and_all_may_try_again(site: Site) -> None:
    token = await let_in(site)
    await site.wire.cut()
    answer = await site.send("/protected", Queue_Token=token)
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert site.reached == []

    await site.wire.mend()

    async def again() -> bool:
        return (await site.send("/protected", Queue_Token=token)).status == 200

    await wait_until(again)
