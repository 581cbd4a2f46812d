"""Every operator action is kept with who, when, what, and what came of it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from queue_gateway.app import create_app
from shared.operators import operator_keys
from tests.booking_stack import BookingStack, running
from tests.integration.gateways import ADMIN, join
from tests.integration.services import Answer, Client, served, settings
from tests.wire import Wire, wired

KEYS = "ann=key-of-anns-0123456789,bob=key-of-bobs-0123456789,eve/read=key-of-eves-0123456789"
AUDIT = "/v1/admin/audit"
ANY = {"If-Match": "*"}


@pytest.fixture
async def wire(database_url: str) -> AsyncIterator[Wire]:
    """Between the gateway, and nobody else, and its PostgreSQL."""
    async with wired(database_url) as wire:
        yield wire


@pytest.fixture
async def gateway(redis: Redis, redis_url: str, wire: Wire) -> AsyncIterator[Client]:
    """A gateway with three operators."""
    given = replace(settings(redis_url, wire.url), admin_keys=operator_keys(KEYS))
    async with served(create_app(given)) as client:
        yield client


@pytest.fixture
async def shop(redis: Redis, redis_url: str, database_url: str) -> AsyncIterator[BookingStack]:
    """A booking API with the same operators."""
    keys = operator_keys(KEYS)
    async with running(redis, redis_url, database_url, admin_keys=keys) as stack:
        yield stack


def key(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer key-of-{name}s-0123456789"}


async def by(gateway: Client, name: str, method: str, path: str, **more: Any) -> Answer:
    headers = {**key(name), **more.pop("headers", {})}
    return await gateway.ask(method, path, headers=headers, **more)


async def kept(gateway: Client, query: str = "") -> list[Any]:
    """The newest first."""
    answer = await by(gateway, "eve", "GET", f"{AUDIT}{query}")
    assert answer.status == 200, answer.json
    items: list[Any] = answer.json["items"]
    return items


async def test_who_did_what_when_and_what_came_of_it(gateway: Client) -> None:
    asked = datetime.now(UTC)
    body = {"max_active": 7, "title": "Spring", "opens_at": "2020-01-01T00:00:00Z"}
    assert (await by(gateway, "ann", "PUT", ADMIN, json=body, headers=ANY)).status == 201
    stale = await by(gateway, "bob", "PUT", ADMIN, json={}, headers={"If-Match": '"7"'})
    assert stale.status == 412

    refused, done = await kept(gateway)

    assert done == {
        "audit_id": done["audit_id"],
        "at": done["at"],
        "operator": "ann",
        "action": "room.change",
        "room_id": "spring-tour",
        "subject": None,
        "changes": body,
        "outcome": "done",
    }
    assert abs(datetime.fromisoformat(done["at"]) - asked) < timedelta(minutes=1)
    assert (refused["operator"], refused["outcome"]) == ("bob", "version_conflict")
    assert refused["audit_id"] > done["audit_id"]


async def test_each_action_of_the_gateway_is_kept(gateway: Client) -> None:
    made = {"room_id": "spring-tour", "admit_per_minute": 6000}
    steps: list[tuple[str, str, Any, str, Any, Any]] = [
        ("POST", "/v1/admin/rooms", made, "room.create", None, made),
        ("PUT", ADMIN, {"state": "open"}, "room.change", None, {"state": "open"}),
        ("POST", f"{ADMIN}/extension", {"seconds": 5}, "room.extend", None, {"seconds": 5}),
        ("POST", f"{ADMIN}/admissions", {"count": 9}, "room.let_in", None, {"count": 9}),
        ("DELETE", f"{ADMIN}/tokens/a%2Fb", None, "token.revoke", "a/b", {"cancel_holds": False}),
        ("POST", f"{ADMIN}/reset", None, "room.reset", None, {}),
        ("DELETE", ADMIN, None, "room.delete", None, {}),
    ]
    for method, path, body, action, subject, changes in steps:
        answer = await by(gateway, "ann", method, path, json=body, headers=ANY)
        assert answer.status < 300, answer.json
        newest = (await kept(gateway))[0]
        assert (newest["operator"], newest["action"], newest["outcome"]) == ("ann", action, "done")
        assert (newest["room_id"], newest["subject"]) == ("spring-tour", subject)
        assert changes.items() <= newest["changes"].items()
    assert len(await kept(gateway)) == len(steps)
    found = {entry["action"]: entry["changes"] for entry in await kept(gateway)}
    assert found["room.let_in"]["admitted"] == 0
    assert found["room.extend"]["active"] == 0
    assert found["token.revoke"]["revoked"] is False


async def test_looking_is_no_action_and_a_bad_body_is_none_either(gateway: Client) -> None:
    await by(gateway, "ann", "PUT", ADMIN, json={}, headers=ANY)
    for path in ("/v1/admin/rooms", ADMIN, f"{ADMIN}/stats", f"{ADMIN}/tokens/ann", AUDIT):
        await by(gateway, "ann", "GET", path)
    bad = await by(gateway, "ann", "PUT", ADMIN, json={"max_active": -1}, headers=ANY)
    assert bad.status == 422

    assert len(await kept(gateway)) == 1


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/admin/rooms", {"room_id": "other"}),
        ("PUT", ADMIN, {"title": "x"}),
        ("DELETE", ADMIN, None),
        ("POST", f"{ADMIN}/reset", None),
        ("POST", f"{ADMIN}/admissions", {"count": 1}),
        ("POST", f"{ADMIN}/extension", {"seconds": 1}),
        ("DELETE", f"{ADMIN}/tokens/ann", None),
    ],
)
async def test_a_key_for_reading_only_reads(
    gateway: Client, method: str, path: str, body: Any
) -> None:
    await by(gateway, "ann", "PUT", ADMIN, json={}, headers=ANY)
    joined = await join(gateway, "ann")

    refused = await by(gateway, "eve", method, path, json=body, headers=ANY)
    nobody = await gateway.ask(method, path, json=body, headers=ANY)

    assert (refused.status, refused.code) == (403, "forbidden")
    assert (nobody.status, nobody.code) == (401, "identity_required")
    assert len(await kept(gateway)) == 1
    assert (await by(gateway, "eve", "GET", ADMIN)).json["version"] == 1
    assert (await by(gateway, "eve", "GET", f"{ADMIN}/tokens/ann")).json["status"] == "ACTIVE"
    assert joined.json["status"] == "ACTIVE"


@pytest.mark.parametrize(
    "path",
    ["/v1/admin/rooms", AUDIT, f"{ADMIN}/stats", f"{ADMIN}/stats/stream", f"{ADMIN}/tokens/ann"],
)
async def test_what_operators_read_is_for_operators(gateway: Client, path: str) -> None:
    await by(gateway, "ann", "PUT", ADMIN, json={}, headers=ANY)
    for headers, code in (({}, "identity_required"), (key("mallory"), "identity_invalid")):
        answer = await gateway.ask("GET", path, headers=headers)
        assert (answer.status, answer.code) == (401, code)


async def test_without_postgresql_nothing_is_done(
    gateway: Client, wire: Wire, redis: Redis
) -> None:
    await by(gateway, "ann", "PUT", ADMIN, json={}, headers=ANY)
    await join(gateway, "ann")
    before = (await by(gateway, "ann", "GET", ADMIN)).json
    await wire.cut()
    for method, path, body in (
        ("POST", "/v1/admin/rooms", {"room_id": "other"}),
        ("PUT", ADMIN, {"title": "x"}),
        ("POST", f"{ADMIN}/reset", None),
        ("POST", f"{ADMIN}/extension", {"seconds": 1}),
        ("DELETE", f"{ADMIN}/tokens/ann", None),
        ("DELETE", ADMIN, None),
    ):
        answer = await by(gateway, "ann", method, path, json=body, headers=ANY)
        assert (answer.status, answer.code) == (503, "unavailable"), (method, path)

    assert (await by(gateway, "ann", "GET", ADMIN)).json == before
    assert await redis.smembers("rooms") == {"spring-tour"}


async def test_the_audit_comes_in_pages_by_room_and_by_operator(gateway: Client) -> None:
    for number in range(4):
        for name in ("ann", "bob"):
            body = {"room_id": f"room-{number}"}
            await by(gateway, name, "POST", "/v1/admin/rooms", json=body)

    async def pages(query: str) -> list[list[tuple[str, str, str]]]:
        found, cursor = [], ""
        while True:
            answer = await by(gateway, "ann", "GET", f"{AUDIT}?{query}{cursor}")
            items = answer.json["items"]
            found.append([(e["room_id"], e["operator"], e["outcome"]) for e in items])
            if answer.json["next_cursor"] is None:
                return found
            cursor = f"&cursor={answer.json['next_cursor']}"

    of_bob = [(f"room-{n}", "bob", "version_conflict") for n in (3, 2, 1, 0)]
    assert await pages("operator=bob&limit=3") == [of_bob[:3], of_bob[3:]]
    room = [("room-2", "bob", "version_conflict"), ("room-2", "ann", "done")]
    assert await pages("room_id=room-2&limit=2") == [room]
    assert await pages("room_id=room-2&operator=ann") == [room[1:]]
    assert await pages("room_id=room-9") == [[]]
    assert [len(page) for page in await pages("limit=5")] == [5, 3]


@pytest.mark.parametrize("query", ["room_id=No", "room_id=", "room_id=%00", "operator=a%20b"])
async def test_a_filter_that_nothing_can_pass_is_refused(gateway: Client, query: str) -> None:
    answer = await by(gateway, "ann", "GET", f"{AUDIT}?{query}")
    assert (answer.status, answer.code) == (400, "bad_request")


async def test_what_is_done_to_the_catalogue_is_kept_with_it(
    shop: BookingStack, gateway: Client
) -> None:
    async def post(path: str, body: Any, who: str = "bob") -> Any:
        return await shop.ask("POST", f"/v1/admin/{path}", body=body, headers=key(who))

    concert = (await post("concerts", {"concert_name": "Nina", "room_id": "room-a"})).body
    dates = f"concerts/{concert['concert_id']}/schedules"
    date = (await post(dates, {"schedule_date": "2031-05-01T20:00:00Z"})).body
    seats = f"schedules/{date['concert_schedule_id']}/seats"
    hall = {"seats": [{"seat_number": f"A-{n}", "price": "1.00"} for n in range(1, 4)]}
    assert (await post(seats, hall)).status == 201
    assert (await post(seats, hall)).status == 422
    nowhere = await post("concerts/999/schedules", {"schedule_date": "2031-05-01T20:00:00Z"})
    assert nowhere.status == 404
    assert (await post(seats, hall, "eve")).code == "forbidden"
    path = f"/v1/admin/concerts/{concert['concert_id']}"
    assert (await shop.ask("DELETE", path, headers=key("ann"))).status == 204

    entries = await kept(gateway)

    assert [(e["operator"], e["action"], e["subject"]) for e in entries] == [
        ("ann", "concert.take_off_sale", str(concert["concert_id"])),
        ("bob", "seats.add", str(date["concert_schedule_id"])),
        ("bob", "schedule.create", str(date["concert_schedule_id"])),
        ("bob", "concert.create", str(concert["concert_id"])),
    ]
    assert {(e["room_id"], e["outcome"]) for e in entries} == {("room-a", "done")}
    assert entries[1]["changes"] == {"seats_added": 3, "first": "A-1", "last": "A-3"}
    assert entries[2]["changes"]["max_seats_per_user"] == 4
    assert entries[3]["changes"] == {"concert_name": "Nina", "refund_percent": 0}


async def test_no_key_is_in_the_audit(gateway: Client, shop: BookingStack) -> None:
    await by(gateway, "ann", "PUT", ADMIN, json={"title": "x"}, headers=ANY)
    rows = await shop.pool.fetch("SELECT a::text FROM audit a")
    assert rows
    assert not any("0123456789" in row[0] for row in rows)
