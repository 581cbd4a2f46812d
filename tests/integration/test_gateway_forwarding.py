"""What proxies and other sites get of the gateway: `…/authorize`, passes and the keys to them."""

from typing import Any
from urllib.parse import unquote

import jwt
import pytest
from yarl import URL

from tests.integration.gateways import ROOM, TOKEN, configure, join
from tests.integration.services import Answer, Client

AUTHORIZE = f"{ROOM}/authorize"
SITE = "shop.example"
JWKS = "/.well-known/jwks.json"


async def let_in(gateway: Client, visitor: str = "ann") -> str:
    """The queue token of a visitor who is inside."""
    await configure(gateway, max_active=100, admit_per_minute=6_000_000)
    answer = await join(gateway, visitor)
    assert answer.json["status"] == "ACTIVE"
    return str(answer.json["token"])


async def waiting(gateway: Client, visitor: str = "bob") -> str:
    """The queue token of a visitor who waits."""
    await configure(gateway, max_active=0)
    answer = await join(gateway, visitor)
    assert answer.json["status"] == "WAIT"
    return str(answer.json["token"])


def cookie(token: str) -> dict[str, str]:
    return {"Cookie": f"onsale_spring-tour={token}"}


async def keys(gateway: Client) -> "jwt.PyJWKSet":
    return jwt.PyJWKSet.from_dict((await gateway.ask("GET", JWKS)).json)


async def believed(gateway: Client, found: str) -> dict[str, Any]:
    key = (await keys(gateway))[jwt.get_unverified_header(found)["kid"]]
    claims: dict[str, Any] = jwt.decode(
        found, key, algorithms=["EdDSA"], audience="spring-tour", issuer="onsale"
    )
    return claims


async def test_who_is_inside_carries_a_pass_that_other_sites_believe(gateway: Client) -> None:
    token = await let_in(gateway)
    given = (await join(gateway, "ann")).json["pass"]
    asked = (await gateway.ask("GET", TOKEN, headers={"Queue-Token": token})).json["pass"]

    assert given == asked
    claims = await believed(gateway, asked)
    assert (claims["sub"], claims["aud"]) == ("ann", "spring-tour")
    assert 0 < claims["exp"] - claims["iat"] <= 120
    assert jwt.get_unverified_header(asked)["typ"] == "JWT"


async def test_who_waits_or_has_left_carries_no_pass(gateway: Client) -> None:
    token = {"Queue-Token": await waiting(gateway)}
    assert (await join(gateway, "bob")).json["pass"] is None
    assert (await gateway.ask("GET", TOKEN, headers=token)).json["pass"] is None
    await gateway.ask("DELETE", TOKEN, headers=token)
    assert (await gateway.ask("GET", TOKEN, headers=token)).json["pass"] is None


async def test_the_keys_may_be_kept_for_five_minutes(gateway: Client) -> None:
    answer = await gateway.ask("GET", JWKS)
    again = await gateway.ask("GET", JWKS, headers={"If-None-Match": answer.headers["ETag"]})

    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize("visitor", ["ann", "a/b c", "zoë\r\nX-Admin: 1", "🎟" * 200])
async def test_a_proxy_learns_who_was_let_in(gateway: Client, visitor: str) -> None:
    token = await let_in(gateway, visitor)
    answer = await gateway.ask("GET", AUTHORIZE, headers={"Queue-Token": token})

    assert answer.status == 204
    found = answer.headers["X-Onsale-Visitor"]
    assert found.isascii()
    assert unquote(found, errors="strict") == visitor
    assert answer.headers["X-Onsale-Room"] == "spring-tour"
    assert (await believed(gateway, answer.headers["X-Onsale-Pass"]))["sub"] == visitor


async def test_a_refusal_says_nothing_of_who_asks(gateway: Client) -> None:
    token = {"Queue-Token": await waiting(gateway)}
    for headers, status in ((token, 403), ({}, 401), ({"Queue-Token": "x"}, 401)):
        answer = await gateway.ask("GET", AUTHORIZE, headers=headers)
        assert answer.status == status
        assert not [name for name in answer.headers if name.lower().startswith("x-onsale")]


async def test_who_has_left_does_not_pass(gateway: Client) -> None:
    token = {"Queue-Token": await let_in(gateway)}
    assert (await gateway.ask("GET", AUTHORIZE, headers=token)).status == 204
    await gateway.ask("DELETE", TOKEN, headers=token)
    answer = await gateway.ask("GET", AUTHORIZE, headers=token)
    assert (answer.status, answer.code) == (403, "queue_token_expired")


async def as_sent(gateway: Client, method: str, path: str, headers: dict[str, str]) -> int:
    """The status of a request for this very path; a client would tidy it up."""
    url = URL(gateway.url + path, encoded=True)
    async with gateway.session.request(method, url, headers=headers) as answer:
        return answer.status


async def test_a_token_of_another_room_lets_nobody_in(gateway: Client) -> None:
    token = await let_in(gateway)
    other = "/v1/rooms/other-room/authorize"
    for path in (other, f"{other}/x", f"{other}/../../spring-tour/authorize"):
        for headers in ({"Queue-Token": token}, {"Cookie": f"onsale_other-room={token}"}):
            assert await as_sent(gateway, "GET", path, headers) == 401


async def ask_about(
    gateway: Client, token: str, method: str, named_in: str, **headers: str
) -> Answer:
    """A proxy's question about a request of this method, with the visitor's cookie."""
    sent = {named_in: method, "X-Forwarded-Host": SITE, **cookie(token), **headers}
    return await gateway.ask("GET", AUTHORIZE, headers=sent)


NAMED_IN = pytest.mark.parametrize("named_in", ["X-Forwarded-Method", "X-Original-Method"])


@NAMED_IN
async def test_a_cookie_is_enough_to_read(gateway: Client, named_in: str) -> None:
    token = await let_in(gateway)
    for method in ("GET", "HEAD", "OPTIONS"):
        assert (await ask_about(gateway, token, method, named_in)).status == 204


@NAMED_IN
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "post", "GET, POST", ""])
async def test_a_change_with_a_cookie_comes_from_a_page_of_its_site(
    gateway: Client, named_in: str, method: str
) -> None:
    token = await let_in(gateway)
    ours = await ask_about(gateway, token, method, named_in, Origin=f"https://{SITE}")
    assert ours.status == 204
    for origin in ({}, {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": SITE}):
        answer = await ask_about(gateway, token, method, named_in, **origin)
        assert (answer.status, answer.code) == (403, "forbidden")


async def test_a_site_without_a_name_is_no_origin(gateway: Client) -> None:
    token = await let_in(gateway)
    named = {"X-Forwarded-Method": "POST", "X-Forwarded-Host": "", **cookie(token)}
    for origin in ({}, {"Origin": "https://"}):
        assert (await gateway.ask("GET", AUTHORIZE, headers={**named, **origin})).status == 403


async def test_a_token_in_its_header_is_proof_of_intent(gateway: Client) -> None:
    sent = {"Queue-Token": await let_in(gateway), "X-Forwarded-Method": "POST"}
    answer = await gateway.ask("GET", AUTHORIZE, headers=sent)
    assert answer.status == 204


@pytest.mark.parametrize("path", ["/", "/checkout?seat=1", "//x/../../y", "/%2e%2e/x", "/a%2Fb"])
async def test_envoy_asks_with_the_visitors_own_method_and_path(gateway: Client, path: str) -> None:
    token = await let_in(gateway)
    for method in ("GET", "HEAD", "OPTIONS"):
        assert await as_sent(gateway, method, AUTHORIZE + path, cookie(token)) == 204
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        asked = {"Host": SITE, **cookie(token)}
        assert await as_sent(gateway, method, AUTHORIZE + path, asked) == 403
        ours = {**asked, "Origin": f"https://{SITE}"}
        assert await as_sent(gateway, method, AUTHORIZE + path, ours) == 204


async def test_the_header_goes_before_the_cookie(gateway: Client) -> None:
    token = await let_in(gateway)
    sent = {"Queue-Token": "x", **cookie(token)}
    assert (await gateway.ask("GET", AUTHORIZE, headers=sent)).status == 401
