"""The gateway's cookies, caching of what is private, and what a change of a room must carry."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from queue_gateway.app import create_app
from tests.integration.services import Client, identity, served, settings

TOKEN = "/v1/rooms/spring-tour/token"
ADMIN = "/v1/admin/rooms/spring-tour"


@pytest.fixture
async def gateway(redis: Redis, redis_url: str, database_url: str) -> AsyncIterator[Client]:
    async with served(create_app(settings(redis_url, database_url))) as client:
        made = await client.as_operator("PUT", ADMIN, json={}, headers={"If-Match": "*"})
        assert made.status == 201
        yield client


async def test_behind_tls_the_cookie_is_for_tls_alone(gateway: Client) -> None:
    plain = await gateway.as_visitor("ann", "POST", TOKEN)
    tls = {"X-Forwarded-Proto": "https"}
    behind_tls = await gateway.as_visitor("ann", "POST", TOKEN, headers=tls)

    assert "Secure" not in plain.headers["Set-Cookie"]
    assert "Secure" in behind_tls.headers["Set-Cookie"]


async def test_what_is_a_visitors_or_an_operators_own_is_stored_nowhere(gateway: Client) -> None:
    joined = await gateway.as_visitor("ann", "POST", TOKEN)
    queued = {"Queue-Token": joined.json["token"]}
    answers = [
        joined,
        await gateway.ask("GET", TOKEN, headers=queued),
        await gateway.ask("GET", "/v1/rooms/spring-tour/authorize", headers=queued),
        await gateway.as_operator("GET", ADMIN),
        await gateway.ask("GET", TOKEN),
    ]

    assert {answer.headers["Cache-Control"] for answer in answers} == {"no-store"}


async def test_the_address_is_judged_before_the_precondition(gateway: Client) -> None:
    answer = await gateway.as_operator("PUT", "/v1/admin/rooms/No%20Room", json={})
    assert (answer.status, answer.code) == (404, "not_found")


@pytest.mark.parametrize("tag", ['"none"', "none", '"*"', 'W/"1"', '"1", "2"', "-1", '""'])
async def test_a_tag_that_no_room_has_matches_nothing(gateway: Client, tag: str) -> None:
    for path in (ADMIN, "/v1/admin/rooms/another"):
        answer = await gateway.as_operator("PUT", path, json={}, headers={"If-Match": tag})
        assert (answer.status, answer.code) == (412, "version_conflict")
    assert (await gateway.as_operator("GET", "/v1/admin/rooms/another")).status == 404


async def test_nobody_without_the_operators_key_learns_whether_a_room_is_there(
    gateway: Client,
) -> None:
    for path in (ADMIN, "/v1/admin/rooms/another", "/v1/admin/rooms/No%20Room"):
        for method in ("GET", "PUT"):
            for headers in ({}, {"Authorization": f"Bearer {identity('ann')}"}):
                answer = await gateway.ask(method, path, headers=headers)
                assert answer.status == 401
