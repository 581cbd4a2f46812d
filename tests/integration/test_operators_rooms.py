"""Operators list, make, reset and delete rooms."""

import asyncio
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from redis.asyncio import Redis

from queue_gateway import steering
from queue_gateway.admission import admission
from queue_gateway.app import create_app
from queue_gateway.journal import journal
from queue_gateway.room import REGISTRY, Rooms
from tests.integration.gateways import ADMIN, ROOM, TOKEN, configure, join, queued
from tests.integration.services import Answer, Client, served, settings
from tests.waiting import wait_until

ROOMS = "/v1/admin/rooms"


def base64(text: str) -> str:
    return urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


BAD_LIMITS = ("0", "101", "x", "", "-1", "1.0", "\u0661")
BAD_CURSORS = ("", "!", "w", base64("Room"), base64("a b"), base64("a" * 64), base64("a") + "=")


async def create(gateway: Client, room_id: str, **more: Any) -> Answer:
    return await gateway.as_operator("POST", ROOMS, json={"room_id": room_id, **more})


async def listed(gateway: Client, path: str, **headers: str) -> list[list[str]]:
    """The room ids of all pages."""
    pages, cursor = [], ""
    while True:
        page = await gateway.ask("GET", f"{path}{cursor}", headers=headers)
        assert page.status == 200, page.json
        pages.append([room["room_id"] for room in page.json["items"]])
        if page.json["next_cursor"] is None:
            return pages
        cursor = f"{'&' if '?' in path else '?'}cursor={page.json['next_cursor']}"


@pytest.fixture
async def quiet(redis: Redis, redis_url: str, database_url: str) -> AsyncIterator[Client]:
    """A gateway whose loops rest: it does not move its journal."""
    app = create_app(settings(redis_url, database_url))
    app.cleanup_ctx.remove(admission)
    app.cleanup_ctx.remove(journal)
    async with served(app) as client:
        yield client


async def test_a_room_is_made_once(gateway: Client) -> None:
    made = await create(gateway, "autumn-tour", title="Autumn", max_active=3)
    again = await create(gateway, "autumn-tour", title="Another")

    assert (made.status, made.headers["ETag"]) == (201, '"1"')
    assert (made.json["title"], made.json["max_active"], made.json["state"]) == (
        "Autumn",
        3,
        "open",
    )
    assert (again.status, again.code) == (412, "version_conflict")
    read = await gateway.as_operator("GET", f"{ROOMS}/autumn-tour")
    assert (read.json, read.headers["ETag"]) == (made.json, '"1"')


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"room_id": None},
        {"room_id": "Autumn"},
        {"room_id": "-autumn"},
        {"room_id": "a.b"},
        {"room_id": "a/b"},
        {"room_id": "a" * 64},
        {"room_id": "a\n"},
        {"room_id": "a{b}"},
        {"room_id": "autumn", "colour": "red"},
        {"room_id": "autumn", "max_active": -1},
        {"room_id": "autumn", "lanes": [{"lane": "a"}, {"lane": "a"}]},
        {"room_id": "autumn", "lanes": [{"lane": f"l{n}"} for n in range(5)]},
        {"room_id": "autumn", "lanes": [{"lane": "a", "weight": 0}]},
        {"room_id": "autumn", "identity": "nobody"},
    ],
)
async def test_a_room_that_is_none_is_not_made(gateway: Client, body: Any) -> None:
    answer = await gateway.as_operator("POST", ROOMS, json=body)

    assert (answer.status, answer.code) == (422, "validation_failed")
    assert (await gateway.as_operator("GET", ROOMS)).json["items"] == []


async def test_a_lane_in_which_somebody_waits_stays(gateway: Client) -> None:
    lanes = [{"lane": "members", "weight": 3}, {"lane": "public", "weight": 1}]
    await configure(gateway, max_active=0, lanes=lanes)
    assert (await join(gateway, "ann")).json["lane"] == "public"

    refused = await gateway.as_operator(
        "PUT", ADMIN, json={"lanes": lanes[:1]}, headers={"If-Match": "*"}
    )

    assert (refused.status, refused.code) == (422, "validation_failed")
    assert "until its line is empty" in refused.json["detail"]
    assert (await gateway.as_operator("GET", ADMIN)).json["version"] == 1
    await configure(gateway, lanes=lanes[1:])


async def test_both_lists_come_in_pages(gateway: Client) -> None:
    names = sorted(f"room-{number}" for number in range(7))
    for name in names:
        await create(gateway, name)
    operator = {"Authorization": "Bearer operator-key-of-the-tests"}

    by_three = [names[:3], names[3:6], names[6:]]
    assert await listed(gateway, f"{ROOMS}?limit=3", **operator) == by_three
    assert await listed(gateway, "/v1/rooms?limit=3") == by_three
    assert await listed(gateway, "/v1/rooms?limit=7") == [names]
    assert await listed(gateway, "/v1/rooms") == [names]


@pytest.mark.parametrize(
    "query",
    [*(f"limit={bad}" for bad in BAD_LIMITS), *(f"cursor={bad}" for bad in BAD_CURSORS)],
)
async def test_a_page_that_is_none_is_refused(gateway: Client, query: str) -> None:
    for answer in (
        await gateway.ask("GET", f"/v1/rooms?{query}"),
        await gateway.as_operator("GET", f"{ROOMS}?{query}"),
        await gateway.as_operator("GET", f"/v1/admin/audit?{query}"),
    ):
        assert (answer.status, answer.code) == (400, "bad_request")


async def test_of_ten_thousand_rooms_only_those_of_the_page_are_read(
    quiet: Client, redis: Redis
) -> None:
    names = [f"room-{number:05}" for number in range(10_000)]
    await redis.sadd(REGISTRY, *names)
    rooms = Rooms(redis)
    for name in names[5000:5100]:
        await rooms.configure(name, {})
    before, cursor = await evaluated(redis), base64(names[4999])

    public = await quiet.ask("GET", f"/v1/rooms?cursor={cursor}")
    operators = await quiet.as_operator("GET", f"{ROOMS}?limit=100&cursor={cursor}")

    assert await evaluated(redis) - before == 200
    for page in (public, operators):
        assert [room["room_id"] for room in page.json["items"]] == names[5000:5100]
        assert page.json["next_cursor"] == base64(names[5099])
    last = await quiet.ask("GET", f"/v1/rooms?cursor={base64(names[9998])}")
    assert last.json == {"items": [], "next_cursor": None}  # it is listed, but not there


async def evaluated(redis: Redis) -> int:
    stats: Any = await redis.info("commandstats")
    return int(stats.get("cmdstat_evalsha", {"calls": 0})["calls"])


async def test_a_deleted_room_leaves_no_key(gateway: Client, redis: Redis) -> None:
    lanes = [{"lane": "members"}, {"lane": "public"}]
    await configure(gateway, max_active=1, lanes=lanes)
    held = [queued(await join(gateway, visitor)) for visitor in ("ann", "bob", "cat")]
    assert (await gateway.ask("DELETE", TOKEN, headers=held[2])).status == 204

    for _ in range(2):
        assert (await gateway.as_operator("DELETE", ADMIN)).status == 204
        assert [key for key in await redis.keys() if "spring-tour" in key] == []
        assert await redis.smembers(REGISTRY) == set()
    for token in held:
        answer = await gateway.ask("GET", TOKEN, headers=token)
        assert (answer.json["status"], answer.json["reason"]) == ("EXPIRED", None)
    assert (await join(gateway, "ann")).status == 404
    for method, path in (("GET", ADMIN), ("GET", f"{ADMIN}/stats"), ("POST", f"{ADMIN}/reset")):
        assert (await gateway.as_operator(method, path)).status == 404
    assert (await gateway.ask("GET", ROOM)).status == 404


async def test_tokens_of_a_deleted_room_are_written_down_as_closed(
    gateway: Client, database_url: str
) -> None:
    await configure(gateway, max_active=1)
    for visitor in ("ann", "bob"):
        assert (await join(gateway, visitor)).status == 201

    assert (await gateway.as_operator("DELETE", ADMIN)).status == 204

    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch("SELECT visitor, status, reason FROM queue ORDER BY visitor")
    finally:
        await connection.close()
    assert [tuple(row) for row in rows] == [
        ("ann", "EXPIRED", "closed"),
        ("bob", "EXPIRED", "closed"),
    ]


async def test_a_room_made_anew_after_it_was_deleted_knows_no_token_of_before(
    gateway: Client,
) -> None:
    await configure(gateway)
    before = queued(await join(gateway, "ann"))
    assert (await gateway.as_operator("DELETE", ADMIN)).status == 204
    await configure(gateway)

    assert (await gateway.ask("GET", TOKEN, headers=before)).json["status"] == "EXPIRED"
    joined = await join(gateway, "ann")
    assert (joined.status, joined.json["number"], joined.json["status"]) == (201, 1, "ACTIVE")


async def test_a_room_whose_journal_cannot_be_moved_stays_closed(
    quiet: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steering, "REMOVE_S", 0.2)
    await configure(quiet, max_active=1)
    token = queued(await join(quiet, "ann"))

    for _ in range(2):
        answer = await quiet.as_operator("DELETE", ADMIN)
        assert (answer.status, answer.code) == (503, "unavailable")
        assert (await quiet.as_operator("GET", ADMIN)).json["state"] == "closed"
    assert (await quiet.ask("GET", TOKEN, headers=token)).json["reason"] == "closed"
    assert (await join(quiet, "bob")).code == "room_closed"


async def test_a_room_that_is_opened_while_it_is_deleted_stays(quiet: Client, redis: Redis) -> None:
    await configure(quiet)
    assert (await join(quiet, "ann")).status == 201
    deleting = asyncio.ensure_future(quiet.as_operator("DELETE", ADMIN))

    async def closed() -> bool:
        return bool((await quiet.as_operator("GET", ADMIN)).json["state"] == "closed")

    await wait_until(closed)
    await configure(quiet, state="open")

    assert (await deleting).code == "version_conflict"
    assert (await join(quiet, "ann")).status == 201


@pytest.mark.parametrize(("method", "path"), [("DELETE", ADMIN), ("POST", f"{ADMIN}/reset")])
async def test_an_etag_that_is_sent_is_honoured(gateway: Client, method: str, path: str) -> None:
    await configure(gateway)
    token = queued(await join(gateway, "ann"))
    for tag in ('"7"', "1", '"1", "2"', "", 'W/"1"'):
        answer = await gateway.as_operator(method, path, headers={"If-Match": tag})
        assert (answer.status, answer.code) == (412, "version_conflict")
    assert (await gateway.ask("GET", TOKEN, headers=token)).json["status"] == "ACTIVE"

    done = await gateway.as_operator(method, path, headers={"If-Match": '"1"'})

    assert done.status in (200, 204)
    assert (await gateway.ask("GET", TOKEN, headers=token)).json["status"] == "EXPIRED"


async def test_a_closed_room_is_deleted_by_its_version_too(gateway: Client) -> None:
    await configure(gateway, state="closed")

    stale = await gateway.as_operator("DELETE", ADMIN, headers={"If-Match": '"2"'})
    good = await gateway.as_operator("DELETE", ADMIN, headers={"If-Match": '"1"'})

    assert (stale.status, good.status) == (412, 204)


async def test_nothing_of_a_rehearsal_is_left_in_the_figures(gateway: Client) -> None:
    before = (await configure(gateway, max_active=2, admit_per_minute=6000)).json
    held = [queued(await join(gateway, f"v{number}")) for number in range(4)]
    assert (await gateway.ask("DELETE", TOKEN, headers=held[0])).status == 204

    reset = await gateway.as_operator("POST", f"{ADMIN}/reset")

    assert reset.status == 200
    assert reset.headers["ETag"] == f'"{reset.json["version"]}"'
    assert {**reset.json, "version": 1} == before
    stats = (await gateway.as_operator("GET", f"{ADMIN}/stats")).json
    assert (stats["admitted"], set(stats["ended"].values()), stats["waits_s"]) == (0, {0}, None)
    assert {slot["admitted"] for slot in stats["admissions_per_s"]} == {0}
    for token in held[1:]:
        ended = await gateway.ask("GET", TOKEN, headers=token)
        assert (ended.json["status"], ended.json["reason"]) == ("EXPIRED", "closed")
    again = await join(gateway, "v1")
    assert (again.status, again.json["number"], again.json["status"]) == (201, 1, "ACTIVE")


@pytest.mark.parametrize("room_id", ["No%20Room", "a.b", "%7Broom%7D", "a%2Fb", "%00", "x" * 64])
async def test_an_odd_address_is_no_room(gateway: Client, room_id: str) -> None:
    for method, path, body in (
        ("GET", "", None),
        ("PUT", "", {}),
        ("DELETE", "", None),
        ("POST", "/reset", None),
        ("POST", "/admissions", {"count": 1}),
        ("POST", "/extension", {"seconds": 1}),
        ("GET", "/tokens/ann", None),
        ("DELETE", "/tokens/ann?cancel_holds=true", None),
        ("GET", "/stats", None),
        ("GET", "/stats/stream", None),
    ):
        url = f"{ROOMS}/{room_id}{path}"
        answer = await gateway.as_operator(method, url, json=body, headers={"If-Match": "*"})
        assert (answer.status, answer.code) == (404, "not_found"), (method, path)


@pytest.mark.parametrize("closed", [False, True], ids=["unknown", "closed"])
async def test_a_room_that_is_not_there_and_one_that_is_closed(
    gateway: Client, closed: bool
) -> None:
    if closed:
        await configure(gateway, state="closed")
    expected = {
        ("GET", ""): 200,
        ("POST", "/reset"): 200,
        ("POST", "/admissions"): 409,
        ("POST", "/extension"): 200,
        ("GET", "/tokens/ann"): 404,
        ("DELETE", "/tokens/ann"): 204,
        ("GET", "/stats"): 200,
        ("DELETE", ""): 204,
    }
    bodies = {"/admissions": {"count": 1}, "/extension": {"seconds": 1}}

    found = {
        (method, path): (
            await gateway.as_operator(method, f"{ADMIN}{path}", json=bodies.get(path))
        ).status
        for method, path in expected
    }

    if closed:
        assert found == expected
    else:
        assert found == {**dict.fromkeys(expected, 404), ("DELETE", ""): 204}
        assert (await gateway.as_operator("GET", ROOMS)).json["items"] == []
