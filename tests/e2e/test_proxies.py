"""A site behind the waiting room: the recipe for nginx before a real gateway, on a real nginx.

Requests go over bare sockets, byte for byte: a client would tidy up the very tricks tried here.
"""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import jwt
import pytest
from redis.asyncio import Redis

from tests.e2e.proxied import HOST, NGINX, PAGE, Site, behind_nginx, cookie, let_in, waiting
from tests.integration.gateways import TOKEN, configure
from tests.waiting import wait_until


@pytest.fixture
async def site(redis: Redis, redis_url: str, database_url: str) -> AsyncIterator[Site]:
    if NGINX is None:
        pytest.skip("no nginx here")
    async with behind_nginx(redis_url, database_url) as site:
        yield site


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


OPEN = f"GET /robots.txt HTTP/1.1\r\nHost: {HOST}\r\n"
HIDDEN = f"GET /protected HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"
CHUNKED = "Transfer-Encoding: chunked\r\n"

#: Requests in which servers see different numbers of requests.
SMUGGLED = [
    "GET /protected\r\n",
    "GET /protected HTTP/1.0\r\n\r\n",
    f"GET /protected HTTP/1.0\r\nHost: {HOST}\r\nX-Forwarded-Method: OPTIONS\r\n\r\n",
    f"{OPEN}\r\n{HIDDEN}",
    f"{OPEN}Content-Length: 0\r\n\r\n{HIDDEN}",
    f"{OPEN}Content-Length: {len(HIDDEN) + 5}\r\n{CHUNKED}\r\n0\r\n\r\n{HIDDEN}",
    f"{OPEN}{CHUNKED}Content-Length: 4\r\n\r\n0\r\n\r\n{HIDDEN}",
    f"{OPEN}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{HIDDEN}",
    f"{OPEN}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{HIDDEN}",
    f"{OPEN}{CHUNKED}Transfer-Encoding: identity\r\n\r\n0\r\n\r\n{HIDDEN}",
    f"{OPEN}X: y\n{HIDDEN}",
    f"{OPEN}Upgrade: h2c\r\nConnection: Upgrade\r\nHTTP2-Settings: AA\r\n\r\n{HIDDEN}",
    f"{OPEN}Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n{HIDDEN}",
    f"{OPEN}Expect: 100-continue\r\nContent-Length: 0\r\n\r\n{HIDDEN}",
]


async def test_no_request_hides_behind_an_open_one(site: Site) -> None:
    for request in SMUGGLED:
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        writer.write(request.encode())
        writer.write_eof()
        await asyncio.wait_for(reader.read(), 20)
        writer.close()
        assert {got["target"] for got in site.reached} <= {"/robots.txt"}, request
        assert not [got for got in site.reached if "upgrade" in got["headers"]], request
        site.reached.clear()


async def test_a_visitor_cannot_have_their_name_dropped_on_the_way(site: Site) -> None:
    token = await let_in(site)
    lines = f"Host: {HOST}\r\nQueue-Token: {token}\r\nConnection: close, X-Onsale-Visitor\r\n\r\n"
    answer = await site.raw(f"GET / HTTP/1.1\r\n{lines}".encode())
    assert json.loads(answer.body)["headers"]["x-onsale-visitor"] == "ann"


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
    for path in ("/v1/rooms/spring-tour", "/v1/rooms/spring-tour/page?return=/protected"):
        assert (await site.send(path)).status == 200
    left = await site.send(TOKEN, "DELETE", **site_headers, Cookie=given)
    assert left.status == 204
    assert (await site.send("/protected", Cookie=given)).status == 403


async def test_news_reach_the_page_at_once(site: Site) -> None:
    token = await waiting(site)
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    asked = f"GET {TOKEN}/events HTTP/1.1\r\nHost: {HOST}\r\nCookie: {cookie(token)}\r\n\r\n"
    writer.write(asked.encode())
    await asyncio.wait_for(reader.readuntil(b'"WAIT"'), 20)
    await configure(site.gateway, max_active=10)
    await asyncio.wait_for(reader.readuntil(b'"ACTIVE"'), 20)
    writer.close()


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


CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.mark.slow
async def test_a_browser_joins_waits_and_sees_the_page_it_asked_for(
    site: Site, tmp_path: Path
) -> None:
    if CHROMIUM is None:
        pytest.skip("no browser here")
    await configure(site.gateway, identity="anonymous", max_active=0)
    browser = await asyncio.create_subprocess_exec(
        *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
        *("--remote-debugging-port=0", f"--user-data-dir={tmp_path}"),
        f"http://127.0.0.1:{site.port}/protected?a=1&b=%2F",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:

        async def waits() -> bool:
            room = await site.gateway.ask("GET", "/v1/rooms/spring-tour")
            return bool(room.json["waiting"] == 1)

        await wait_until(waits, within_s=60)
        assert site.reached == []
        await configure(site.gateway, max_active=10)

        async def reached() -> bool:
            return bool(site.reached)

        await wait_until(reached, within_s=60)
    finally:
        browser.terminate()
        await asyncio.wait_for(browser.wait(), 20)
    assert site.reached[0]["target"] == "/protected?a=1&b=%2F"
    assert site.reached[0]["headers"]["x-onsale-visitor"].startswith("anon%3A")
