"""Whatever an operator changes is kept with who, what and when, in the moment it is done; and a key
that only reads changes nothing."""

import json
import re
from typing import Any

import pytest
from redis.asyncio import Redis

from shared.credentials import SAFE_METHODS
from shared.operators import operator_keys
from tests.booking_stack import BookingStack, Reply, running
from tests.documents import booking_app
from tests.integration.operated import DEEDS, Deed, furnish

KEYS = "ann=key-of-anns-0123456789,eve/read=key-of-eves-0123456789"
#: Check-ins are their own record: each names its operator, its gate and its moment.
KEPT_BY_ITSELF = {"POST /v1/admin/checkins"}


@pytest.fixture
async def shop(redis: Redis, redis_url: str, database_url: str) -> Any:
    keys = operator_keys(KEYS)
    async with running(redis, redis_url, database_url, admin_keys=keys) as stack:
        yield stack


async def do(shop: BookingStack, deed: Deed, who: str, ids: dict[str, int]) -> Reply:
    headers = {"Authorization": f"Bearer key-of-{who}s-0123456789", "If-Match": "*"}
    path = deed.path.format(**ids)
    return await shop.ask(deed.method, path, body=deed.body, key=shop.new_key(), headers=headers)


def test_every_operators_route_that_changes_something_is_tried() -> None:
    routes = {
        f"{route.method} {route.resource.canonical}"
        for route in booking_app().router.routes()
        if route.resource is not None
        and route.resource.canonical.startswith("/v1/admin")
        and route.method not in SAFE_METHODS
    }

    assert {deed.route for deed in DEEDS} == routes - KEPT_BY_ITSELF
    assert len({deed.route for deed in DEEDS}) == len(DEEDS)


async def test_every_change_is_kept_once(shop: BookingStack) -> None:
    _, ids = await furnish(shop)
    kept = len(await audit(shop))
    for deed in DEEDS:
        reply = await do(shop, deed, "ann", ids)
        assert reply.status < 300, (deed.route, reply.raw)
        if deed.action == "concert.create":
            ids["new_concert"] = reply.body["concert_id"]
        if deed.action == "schedule.create":
            ids["new_schedule"] = reply.body["concert_schedule_id"]

        rows = await audit(shop)

        assert len(rows) == kept + 1, deed.route
        kept = len(rows)
        row = rows[-1]
        assert (row["operator"], row["action"], row["outcome"]) == ("ann", deed.action, "done")
        assert row["room_id"] == deed.room_id, deed.route
        assert row["subject"] == deed.subject.format(**ids), deed.route
        assert row["begun_at"] <= row["ended_at"]
        assert json.loads(row["changes"]).items() >= told(deed).items(), deed.route
    await shop.assert_sound()


def told(deed: Deed) -> dict[str, Any]:
    """What of its body the audit must name: at least the fields of a change, and the reason."""
    named = ("refund_percent", "hold_ttl_s", "own_limit", "reason")
    return {name: value for name, value in (deed.body or {}).items() if name in named}


async def test_a_refused_change_leaves_nothing_in_the_audit(shop: BookingStack) -> None:
    """It is kept in the transaction that did not come about."""
    _, ids = await furnish(shop)
    before = await audit(shop)
    unknown = dict.fromkeys(ids, 999)

    for deed in DEEDS:
        if "{" in deed.path:
            reply = await do(shop, deed, "ann", unknown)
            assert (reply.status, reply.code) == (404, "not_found"), deed.route

    assert await audit(shop) == before


async def test_a_key_for_reading_changes_nothing(shop: BookingStack) -> None:
    visitor, ids = await furnish(shop)
    before = await shop.trace()
    kept = await audit(shop)

    for deed in DEEDS:
        refused = await do(shop, deed, "eve", ids)
        assert (refused.status, refused.code) == (403, "forbidden"), deed.route
        path = deed.path.format(**ids)
        nobody = await shop.ask(deed.method, path, visitor, body=deed.body, key=shop.new_key())
        assert (nobody.status, nobody.code) == (401, "identity_invalid"), deed.route

    assert await shop.trace() == before
    assert await audit(shop) == kept


async def audit(shop: BookingStack) -> list[Any]:
    return [*await shop.pool.fetch("SELECT * FROM audit ORDER BY audit_id")]


async def test_what_operators_read_is_for_operators(shop: BookingStack) -> None:
    visitor, _ = await furnish(shop)
    paths = {
        re.sub(r"{\w+}", "1", route.resource.canonical)
        for route in booking_app().router.routes()
        if route.resource is not None
        and route.resource.canonical.startswith("/v1/admin")
        and route.method == "GET"
    }
    assert paths
    for path in paths:
        for method in ("GET", "HEAD"):
            nobody = await shop.ask(method, path)
            assert nobody.status == 401, path
            assert (await shop.ask(method, path, visitor)).status == 401, path
        reading = {"Authorization": "Bearer key-of-eves-0123456789"}
        assert (await shop.ask("GET", path, headers=reading)).status in (200, 404), path
