"""Who somebody is to the gateway: lanes by a claim, rooms that do not ask, keys of a login."""

import json
from collections.abc import AsyncIterator
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm
from redis.asyncio import Redis

from queue_gateway.app import create_app
from shared.jwks import JwksUnreadable, read_keys
from shared.settings import SettingError
from tests.integration.gateways import ROOM, TOKEN, configure, join, queued
from tests.integration.services import (
    IDENTITY_SECRET,
    Answer,
    Client,
    served,
    settings,
)
from tests.waiting import wait_until

LANES = [{"lane": "members", "weight": 3}, {"lane": "public"}]


def bearer(**claims: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {jwt.encode(claims, IDENTITY_SECRET, algorithm='HS256')}"}


async def joins(gateway: Client, **claims: Any) -> Answer:
    return await gateway.ask("POST", TOKEN, headers=bearer(**claims))


async def test_the_lane_comes_from_a_claim_of_the_identity(gateway: Client) -> None:
    await configure(gateway, max_active=0, lanes=LANES)
    first = await joins(gateway, sub="ann", lane="public")
    second = await joins(gateway, sub="bob", lane="members")
    third = await joins(gateway, sub="cat", lane="public")
    found = [
        (a.json["lane"], a.json["number"], a.json["position"], a.json["waiting"])
        for a in (first, second, third)
    ]
    assert found == [("public", 1, 1, 1), ("members", 2, 1, 1), ("public", 3, 2, 2)]
    room: dict[str, Any] = {}

    async def all_are_counted() -> bool:  # figures of the room may be a second old
        room.update((await gateway.ask("GET", ROOM)).json)
        return bool(room["waiting"] == 3)

    await wait_until(all_are_counted)
    assert room["lanes"] == [
        {"lane": "members", "weight": 3, "waiting": 1},
        {"lane": "public", "weight": 1, "waiting": 2},
    ]


@pytest.mark.parametrize("lane", ["unheard-of", "", None, 7, ["members"], {"lane": "members"}])
async def test_who_belongs_to_no_lane_of_the_room_waits_in_the_last(
    gateway: Client, lane: Any
) -> None:
    await configure(gateway, max_active=0, lanes=LANES)
    joined = await joins(gateway, sub="ann", lane=lane)
    assert (joined.status, joined.json["lane"]) == (201, "public")


async def test_another_claim_later_leaves_the_place_where_it_is(gateway: Client) -> None:
    await configure(gateway, max_active=0, lanes=LANES)
    await joins(gateway, sub="ann", lane="public")
    again = await joins(gateway, sub="ann", lane="members")
    assert (again.status, again.json["lane"], again.json["number"]) == (200, "public", 1)


def with_cookie(answer: Answer) -> dict[str, str]:
    cookie = SimpleCookie(answer.headers["Set-Cookie"])
    return {"Cookie": f"onsale_spring-tour={cookie['onsale_spring-tour'].value}"}


async def test_an_anonymous_room_names_its_visitors_itself(gateway: Client) -> None:
    await configure(gateway, max_active=0, identity="anonymous")
    assert (await gateway.ask("GET", ROOM)).json["identity"] == "anonymous"
    one, other = [await gateway.ask("POST", TOKEN) for _ in range(2)]
    assert [one.status, other.status] == [201, 201]
    assert [one.json["number"], other.json["number"]] == [1, 2]
    subs = {
        jwt.decode(a.json["token"], options={"verify_signature": False})["sub"]
        for a in (one, other)
    }
    assert len(subs) == 2


async def test_the_cookie_keeps_the_place_in_an_anonymous_room(gateway: Client) -> None:
    await configure(gateway, max_active=0, identity="anonymous")
    joined = await gateway.ask("POST", TOKEN)
    cookie = with_cookie(joined)
    asked = await gateway.ask("GET", TOKEN, headers=cookie)
    assert (asked.json["status"], asked.json["number"]) == ("WAIT", 1)
    same_site = {**cookie, "Origin": gateway.url}
    again = await gateway.ask("POST", TOKEN, headers=same_site)
    assert (again.status, again.json["number"]) == (200, 1)
    elsewhere = {**cookie, "Origin": "http://evil.example"}
    assert (await gateway.ask("POST", TOKEN, headers=elsewhere)).code == "forbidden"
    assert (await gateway.ask("DELETE", TOKEN, headers=same_site)).status == 204
    behind = await gateway.ask("POST", TOKEN, headers=same_site)
    assert (behind.status, behind.json["number"]) == (201, 2)


async def test_no_other_rooms_token_names_anybody_in_an_anonymous_room(gateway: Client) -> None:
    await configure(gateway, max_active=0)
    of_ann = queued(await join(gateway, "ann"))
    await gateway.as_operator(
        "PUT", "/v1/admin/rooms/lobby", json={"identity": "anonymous"}, headers={"If-Match": "*"}
    )
    joined = await gateway.ask("POST", "/v1/rooms/lobby/token", headers=of_ann)
    claims = jwt.decode(joined.json["token"], options={"verify_signature": False})
    assert joined.status == 201
    assert claims["sub"] != "ann"


async def test_every_other_room_asks_who_comes(gateway: Client) -> None:
    await configure(gateway, max_active=0)
    assert (await gateway.ask("POST", TOKEN)).code == "identity_required"
    assert (await gateway.ask("POST", "/v1/rooms/none/token")).code == "identity_required"


KEY = Ed25519PrivateKey.generate()


def key_set(*keys: Ed25519PrivateKey) -> str:
    found = [json.loads(OKPAlgorithm.to_jwk(key.public_key())) for key in keys]
    return json.dumps(
        {"keys": [{**jwk, "kid": str(n), "alg": "EdDSA"} for n, jwk in enumerate(found)]}
    )


@pytest.fixture
async def of_a_login(
    redis: Redis, redis_url: str, database_url: str, tmp_path: Path
) -> AsyncIterator[Client]:
    """A gateway that believes the tokens of an operator's login."""
    (tmp_path / "keys.json").write_text(key_set(KEY))
    told = settings(redis_url, database_url, identity_jwks=str(tmp_path / "keys.json"))
    async with served(create_app(told)) as client:
        yield client


async def test_tokens_of_the_operators_login_are_believed(of_a_login: Client) -> None:
    await configure(of_a_login, max_active=0)
    token = jwt.encode({"sub": "ann"}, KEY, algorithm="EdDSA", headers={"kid": "0"})
    joined = await of_a_login.ask("POST", TOKEN, headers={"Authorization": f"Bearer {token}"})
    assert joined.status == 201


@pytest.mark.parametrize("forged", ["other key", "unknown kid", "public key as a secret"])
async def test_what_the_login_did_not_sign_is_refused(of_a_login: Client, forged: str) -> None:
    await configure(of_a_login, max_active=0)
    if forged == "other key":
        other = Ed25519PrivateKey.generate()
        token = jwt.encode({"sub": "ann"}, other, algorithm="EdDSA", headers={"kid": "0"})
    elif forged == "unknown kid":
        token = jwt.encode({"sub": "ann"}, KEY, algorithm="EdDSA", headers={"kid": "7"})
    else:
        token = jwt.encode({"sub": "ann"}, KEY.public_key().public_bytes_raw(), algorithm="HS256")
    answer = await of_a_login.ask("POST", TOKEN, headers={"Authorization": f"Bearer {token}"})
    assert answer.code == "identity_invalid"


async def test_keys_are_read_from_a_url_too() -> None:
    async def keys(_: web.Request) -> web.Response:
        return web.Response(text=key_set(KEY), content_type="application/json")

    app = web.Application()
    app.router.add_get("/keys", keys)
    async with served(app) as login:
        assert [key.key_id for key in await read_keys(f"{login.url}/keys")] == ["0"]
        with pytest.raises(JwksUnreadable):
            await read_keys(f"{login.url}/nowhere")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"keys": []}', '{"keys": [{"kty": "oct", "k": "YQ"}]}']
)
async def test_a_gateway_does_not_start_with_keys_it_cannot_use(
    redis_url: str, database_url: str, tmp_path: Path, text: str
) -> None:
    (tmp_path / "keys.json").write_text(text)
    told = settings(redis_url, database_url, identity_jwks=str(tmp_path / "keys.json"))
    with pytest.raises(SettingError, match="ONSALE_IDENTITY_JWKS"):
        async with served(create_app(told)):
            pass
