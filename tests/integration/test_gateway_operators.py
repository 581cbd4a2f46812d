"""The gateway over HTTP, for operators: who may, versions, settings and bodies, good and bad."""

from typing import Any

import pytest
from aiohttp import web

from queue_gateway.app import create_app
from tests.integration.gateways import ADMIN, configure
from tests.integration.services import ADMIN_KEY, Client, identity, served, settings


async def test_operator_routes_refuse_by_default(gateway: Client) -> None:
    await configure(gateway)
    wrong: list[tuple[dict[str, str], str]] = [
        ({}, "identity_required"),
        ({"Authorization": f"Bearer {ADMIN_KEY}x"}, "identity_invalid"),
        ({"Authorization": f"Bearer {identity('ann')}"}, "identity_invalid"),
        ({"Authorization": ADMIN_KEY}, "identity_invalid"),
    ]
    for headers, code in wrong:
        for method in ("GET", "PUT"):
            answer = await gateway.ask(method, ADMIN, headers=headers, json={})
            assert (answer.status, answer.code) == (401, code)


async def test_an_operators_route_nobody_thought_of_refuses_by_default(
    redis_url: str, database_url: str
) -> None:
    async def new(request: web.Request) -> web.Response:
        return web.Response()

    app = create_app(settings(redis_url, database_url))
    app.router.add_get("/v1/admin/new", new)
    async with served(app) as gateway:
        assert (await gateway.ask("GET", "/v1/admin/new")).code == "identity_required"
        assert (await gateway.as_operator("GET", "/v1/admin/new")).status == 200


async def test_a_change_needs_the_version_it_changes(gateway: Client) -> None:
    created = await configure(gateway, title="one")
    assert (created.status, created.headers["ETag"], created.json["version"]) == (201, '"1"', 1)
    without = await gateway.as_operator("PUT", ADMIN, json={})
    assert (without.status, without.code) == (428, "precondition_required")
    good = {"If-Match": created.headers["ETag"]}
    changed = await gateway.as_operator("PUT", ADMIN, json={"title": "two"}, headers=good)
    assert (changed.status, changed.json["title"], changed.json["version"]) == (200, "two", 2)
    for tag in (good["If-Match"], '"nonsense"'):
        stale = await gateway.as_operator("PUT", ADMIN, json={}, headers={"If-Match": tag})
        assert (stale.status, stale.code) == (412, "version_conflict")
    read = await gateway.as_operator("GET", ADMIN)
    assert (read.headers["ETag"], read.json["title"]) == ('"2"', "two")
    elsewhere = await gateway.as_operator(
        "PUT", "/v1/admin/rooms/other", json={}, headers={"If-Match": '"1"'}
    )
    assert (elsewhere.status, elsewhere.code) == (404, "not_found")
    only_new = await gateway.as_operator("PUT", ADMIN, json={}, headers={"If-None-Match": "*"})
    assert only_new.code == "version_conflict"


@pytest.mark.parametrize(
    ("tags", "status"),
    [
        ({"If-Match": "*", "If-None-Match": "*"}, 412),
        ({"If-Match": '"1"', "If-None-Match": "*"}, 412),
        ({"If-Match": "iT", "If-None-Match": "*"}, 412),
        ({"If-Match": "", "If-None-Match": "*"}, 412),
        ({"If-Match": '"1", "2"'}, 412),
        ({"If-Match": "1"}, 412),
        ({"If-Match": '"1"', "If-None-Match": '"2"'}, 400),
        ({"If-None-Match": '"2"'}, 400),
        ({"If-Match": "*", "If-None-Match": ""}, 400),
        ({"If-Match": ""}, 428),
    ],
)
async def test_preconditions_that_contradict_each_other_change_nothing(
    gateway: Client, tags: dict[str, str], status: int
) -> None:
    await configure(gateway)
    for path in (ADMIN, "/v1/admin/rooms/not-there-yet"):
        answer = await gateway.as_operator("PUT", path, json={"title": "changed"}, headers=tags)
        assert answer.status == status
    assert (await gateway.as_operator("GET", ADMIN)).json["version"] == 1


async def test_settings_left_out_keep_their_value(gateway: Client) -> None:
    await configure(
        gateway, max_active=7, admit_per_minute=8, active_ttl_s=9, opens_at="2030-01-01T10:00:00Z"
    )
    await configure(gateway, state="paused")
    read = (await gateway.as_operator("GET", ADMIN)).json
    assert (read["max_active"], read["admit_per_minute"], read["active_ttl_s"]) == (7, 8, 9)
    assert read["opens_at"] == "2030-01-01T10:00:00.000Z"
    await configure(gateway, opens_at=None)
    assert (await gateway.as_operator("GET", ADMIN)).json["opens_at"] is None


@pytest.mark.parametrize(
    "changes",
    [
        {"max_active": -1},
        {"max_active": 1_000_001},
        {"max_active": 1.5},
        {"max_active": "1"},
        {"max_active": True},
        {"max_active": None},
        {"max_active": 10**30},
        {"admit_per_minute": 6_000_001},
        {"active_ttl_s": 0},
        {"claim_ttl_s": 86_401},
        {"idle_ttl_s": 0},
        {"state": "ajar"},
        {"opens_at": "tomorrow"},
        {"opens_at": "2030-01-01T10:00:00"},
        {"title": "a\x00b"},
        {"title": "line\n"},
        {"title": "t" * 201},
        {"colour": "red"},
        [],
        "text",
    ],
)
async def test_settings_out_of_range_change_nothing(gateway: Client, changes: Any) -> None:
    await configure(gateway, title="kept")
    before = await gateway.as_operator("GET", ADMIN)
    answer = await gateway.as_operator("PUT", ADMIN, json=changes, headers={"If-Match": "*"})
    assert (answer.status, answer.code) == (422, "validation_failed")
    assert (await gateway.as_operator("GET", ADMIN)).json == before.json


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"{", "application/json", 400, "bad_request"),
        (b"", "application/json", 400, "bad_request"),
        (b"\xff\xfe", "application/json", 400, "bad_request"),
        (b'{"title": "\\ud800"}', "application/json", 400, "bad_request"),
        (b'{"max_active": NaN}', "application/json", 400, "bad_request"),
        (b"[" * 30_000, "application/json", 400, "bad_request"),
        (b'{"title": "' + b"x" * 70_000 + b'"}', "application/json", 413, "too_large"),
        (b"title=x", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (b"{}", "text/plain", 415, "unsupported_media_type"),
    ],
)
async def test_a_bad_body_is_refused(
    gateway: Client, body: bytes, content_type: str, status: int, code: str
) -> None:
    headers = {"If-Match": "*", "Content-Type": content_type}
    answer = await gateway.as_operator("PUT", ADMIN, data=body, headers=headers)
    assert (answer.status, answer.code) == (status, code)
