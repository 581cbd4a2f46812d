"""Operators read and change concerts and dates."""

import asyncio

import pytest

from tests.booking_stack import ROOM, BookingStack
from tests.integration.moments import blocked, somebody
from tests.integration.operating import Desk, concert_of, told

#: Ids of nothing, and what cannot be an id.
UNKNOWN = (0, 99, 2**63 - 1, 2**63, "1" * 40, "-1", "x", "%00")


@pytest.fixture
def desk(booking: BookingStack) -> Desk:
    return Desk(booking)


async def test_a_concert_is_read_and_changed(booking: BookingStack, desk: Desk) -> None:
    concert_id = await concert_of(booking, await booking.date())
    path = f"concerts/{concert_id}"
    read = await desk.ask("GET", path)

    changed = await desk.put(
        path, {"concert_name": "Nina", "refund_percent": 80}, read.headers["ETag"]
    )

    assert (read.status, read.headers["ETag"]) == (200, '"1"')
    assert read.body == {
        "concert_id": concert_id,
        "concert_name": "Nina Simone",
        "room_id": ROOM,
        "refund_percent": 0,
        "on_sale": True,
        "off_sale_at": None,
        "version": 1,
    }
    assert (changed.status, changed.headers["ETag"]) == (200, '"2"')
    assert changed.body == {
        **read.body,
        "concert_name": "Nina",
        "refund_percent": 80,
        "version": 2,
    }
    assert (await desk.get(path)) == changed.body
    action, subject, kept = (await desk.audit())[0]
    assert (action, subject) == ("concert.change", str(concert_id))
    assert kept == {
        "concert_name": "Nina",
        "refund_percent": 80,
        "was": {"concert_name": "Nina Simone", "refund_percent": 0},
    }


async def test_a_change_needs_the_version_it_changes(booking: BookingStack, desk: Desk) -> None:
    schedule_id = await booking.date()
    concert_id = await concert_of(booking, schedule_id)
    for path, change in (
        (f"concerts/{concert_id}", {"refund_percent": 1}),
        (f"schedules/{schedule_id}", {"hold_ttl_s": 1}),
    ):
        without = await desk.ask("PUT", path, change)
        assert (without.status, without.code) == (428, "precondition_required")
        for tag in ('"2"', '"01"', '"x"', '"1", "2"', f'"{"9" * 40}"', "1"):
            stale = await desk.put(path, change, tag)
            assert (stale.status, stale.code) == (412, "version_conflict"), tag
        assert (await desk.put(path, change, '"1"')).body["version"] == 2
        assert (await desk.put(path, change, '"1"')).code == "version_conflict"
        assert (await desk.put(path, change)).body["version"] == 3


async def test_of_two_changes_of_one_version_one_counts(booking: BookingStack, desk: Desk) -> None:
    schedule_id = await booking.date()
    concert_id = await concert_of(booking, schedule_id)
    for path, table in (
        (f"concerts/{concert_id}", "concert"),
        (f"schedules/{schedule_id}", "concert_schedule"),
    ):
        async with somebody(booking, f"SELECT FROM {table} FOR UPDATE"):
            changes = [asyncio.create_task(desk.put(path, {}, '"1"')) for _ in range(2)]
            await blocked(booking, 2)
        assert sorted([(await change).status for change in changes]) == [200, 412]


async def test_a_concert_goes_off_sale_and_comes_back(booking: BookingStack, desk: Desk) -> None:
    path = f"concerts/{await concert_of(booking, await booking.date())}"
    visitor = await booking.visitor()

    gone = (await desk.put(path, {"on_sale": False})).body
    again = (await desk.put(path, {"on_sale": False})).body

    assert (gone["on_sale"], gone["off_sale_at"]) == (False, again["off_sale_at"])
    assert (await booking.ask("GET", "/v1/concerts", visitor)).body["items"] == []
    assert (await desk.put(path, {"refund_percent": 5})).body["on_sale"] is False
    assert (await desk.put(path, {"on_sale": True})).body["off_sale_at"] is None
    assert len((await booking.ask("GET", "/v1/concerts", visitor)).body["items"]) == 1
    assert (await desk.ask("DELETE", path)).status == 204
    assert (await desk.get(path))["version"] == 6


async def test_concerts_and_dates_come_in_pages(booking: BookingStack, desk: Desk) -> None:
    for room_id in (ROOM, "room-b", ROOM):
        schedule_id = await booking.date(room_id=room_id)
    concert_id = await concert_of(booking, schedule_id)
    made = f"concerts/{concert_id}/schedules"
    assert (await desk.post(made, {"schedule_date": "2031-05-01T20:00:00Z"})).status == 201

    concerts = await desk.pages("concerts", 2)
    of_room = await desk.pages(f"concerts?room_id={ROOM}", 1)
    dates = await desk.pages(made, 1)

    assert [len(page) for page in concerts] == [2, 1]
    assert [[found["room_id"] for found in page] for page in of_room] == [[ROOM], [ROOM]]
    assert [len(page) for page in dates] == [1, 1]
    assert [found["concert_id"] for (found,) in dates] == [concert_id] * 2
    assert await desk.pages("concerts?room_id=room-c", 2) == [[]]
    assert (await desk.ask("GET", "concerts?room_id=No")).code == "bad_request"


async def test_a_date_is_read_and_changed(booking: BookingStack, desk: Desk) -> None:
    schedule_id = await booking.date()
    path = f"schedules/{schedule_id}"
    before = await desk.get(path)
    settings = {
        "state": "stopped",
        "schedule_date": "2031-05-01T18:00:00.000Z",
        "hold_ttl_s": 60,
        "hold_extension_s": 0,
        "max_seats_per_user": 6,
        "max_let_go_per_hour": 0,
        "offer_ttl_s": 30,
        "avoid_orphans": True,
        "refund_until": "2031-04-01T00:00:00.000Z",
    }

    changed = await desk.put(path, settings)

    assert (before["state"], before["seats_loaded"], before["version"]) == ("on_sale", 10, 1)
    assert (changed.status, changed.headers["ETag"]) == (200, '"2"')
    assert changed.body == {**before, **settings, "version": 2}
    assert await desk.get(path) == changed.body
    cleared = await desk.put(path, {"refund_until": None})
    assert cleared.body == {**changed.body, "refund_until": None, "version": 3}
    action, subject, kept = (await desk.audit())[1]
    assert (action, subject) == ("schedule.change", str(schedule_id))
    assert kept["was"]["max_seats_per_user"] == 4
    assert kept["hold_ttl_s"] == 60


async def test_a_date_is_made_with_its_settings(booking: BookingStack, desk: Desk) -> None:
    concert_id = await concert_of(booking, await booking.date())
    settings = {
        "schedule_date": "2031-05-01T18:00:00.000Z",
        "hold_ttl_s": 60,
        "hold_extension_s": 5,
        "max_seats_per_user": 6,
        "max_let_go_per_hour": 7,
        "offer_ttl_s": 30,
        "avoid_orphans": True,
        "refund_until": "2031-04-01T00:00:00.000Z",
    }

    made = await desk.post(f"concerts/{concert_id}/schedules", settings)

    found = await desk.get(f"schedules/{made.body['concert_schedule_id']}")
    assert found == {**found, **settings}


async def test_a_concert_is_made_with_its_refunds(booking: BookingStack, desk: Desk) -> None:
    body = {"concert_name": "Nina", "room_id": ROOM, "refund_percent": 75}

    made = (await desk.post("concerts", body)).body

    assert (await desk.get(f"concerts/{made['concert_id']}"))["refund_percent"] == 75


NO_SETTINGS: list[dict[str, object]] = [
    {"state": "canceled"},
    {"schedule_date": "1999-01-01T00:00:00Z"},
    {"schedule_date": "2031-01-01T00:00:00"},
    {"schedule_date": None},
    {"refund_until": "3000-01-01T00:00:00Z"},
    {"max_seats_per_user": 0},
    {"max_seats_per_user": 101},
    {"hold_ttl_s": 0},
    {"hold_extension_s": -1},
    {"max_let_go_per_hour": 10_001},
    {"offer_ttl_s": 86_401},
    {"avoid_orphans": 1},
    {"seats_loaded": 1},
    {"version": 1},
]


async def test_a_date_takes_no_other_settings(booking: BookingStack, desk: Desk) -> None:
    path = f"schedules/{await booking.date()}"

    for body in NO_SETTINGS:
        refused = await desk.put(path, body)
        assert (refused.status, refused.code) == (422, "validation_failed"), body

    assert (await desk.get(path))["version"] == 1


async def test_a_lower_limit_takes_nothing_and_holds_from_then_on(
    booking: BookingStack, desk: Desk
) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor(money="200.00")
    long_ago = "UPDATE concert_schedule SET limited_at = now() - interval '1 hour'"
    await booking.pool.execute(long_ago)
    held = await booking.held(visitor, schedule_id, "A-1", "A-2", "A-3")

    await desk.change(schedule_id, max_seats_per_user=2)

    refused = await booking.hold(visitor, schedule_id, "A-4")
    assert (refused.code, refused.body["limit"]) == ("limit_exceeded", 2)
    await booking.assert_sound()
    other = await booking.visitor()
    assert (await booking.hold(other, schedule_id, "A-5", "A-6", "A-7")).code == "limit_exceeded"
    await desk.change(schedule_id, max_seats_per_user=4)
    held += await booking.held(visitor, schedule_id, "A-4")
    assert (await booking.pay(visitor, *held)).status == 201
    await booking.assert_sound()


async def test_a_date_that_moves_is_announced_with_all_that_is_sold_of_it(
    booking: BookingStack, desk: Desk
) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor(money="200.00")
    paid = await booking.held(visitor, schedule_id, "A-1", "A-2")
    assert (await booking.pay(visitor, *paid)).status == 201
    await booking.held(await booking.visitor(), schedule_id, "A-3")

    was = (await desk.get(f"schedules/{schedule_id}"))["schedule_date"]
    await desk.change(schedule_id, schedule_date="2031-05-01T20:00:00Z", hold_ttl_s=5)
    await desk.change(schedule_id, schedule_date="2031-05-01T20:00:00Z", hold_ttl_s=6)

    assert await told(booking, "schedule.moved") == [
        (None, schedule_id),
        *((booking_id, schedule_id) for booking_id in paid),
    ]
    told_of = await booking.pool.fetch(
        "SELECT payload ->> 'schedule_date' AS now, payload ->> 'moved_from' AS was"
        " FROM webhook_event WHERE kind = 'schedule.moved'"
    )
    assert {row["now"] for row in told_of} == {"2031-05-01T20:00:00.000Z"}
    assert {row["was"] for row in told_of} == {was}


async def test_a_closed_date_sells_no_more_and_opens_again(
    booking: BookingStack, desk: Desk
) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor(money="200.00")
    held = await booking.held(visitor, schedule_id, "A-1")
    await booking.pool.execute(
        "INSERT INTO waitlist (user_id, concert_schedule_id, room_id, token_value)"
        " SELECT user_id, $1, $2, 'jti' FROM users",
        schedule_id,
        ROOM,
    )

    for _ in range(2):
        assert (await desk.ask("DELETE", f"schedules/{schedule_id}")).status == 204

    assert (await desk.get(f"schedules/{schedule_id}"))["state"] == "stopped"
    assert await booking.pool.fetchval("SELECT status || reason FROM waitlist") == "ENDEDcanceled"
    assert (await booking.pay(visitor, *held)).status == 201
    assert (await desk.change(schedule_id, state="on_sale"))["state"] == "on_sale"
    await booking.held(await booking.visitor(), schedule_id, "A-2")


async def test_what_is_canceled_is_final(booking: BookingStack, desk: Desk) -> None:
    schedule_id = await booking.date()
    await booking.pool.execute("UPDATE concert_schedule SET state = 'canceled'")

    for method in ("PUT", "DELETE"):
        refused = await desk.ask(method, f"schedules/{schedule_id}", {}, If_Match="*")
        assert (refused.status, refused.code) == (409, "schedule_canceled")


async def test_what_is_not_there_is_not_found(desk: Desk) -> None:
    for unknown in UNKNOWN:
        for method, path, body in (
            ("GET", f"concerts/{unknown}", None),
            ("PUT", f"concerts/{unknown}", {}),
            ("GET", f"concerts/{unknown}/schedules", None),
            ("GET", f"schedules/{unknown}", None),
            ("PUT", f"schedules/{unknown}", {}),
            ("DELETE", f"schedules/{unknown}", None),
        ):
            reply = await desk.ask(method, path, body, If_Match="*")
            assert (reply.status, reply.code) == (404, "not_found"), path
