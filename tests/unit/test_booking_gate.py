"""The table of gates and the routes there are."""

from typing import Any, cast

import pytest

from booking_api import gate
from booking_api.database import Sale
from booking_api.gate import GATES, Gate, Guards, gate_of
from tests.documents import PROVIDER, booking_app


def registered() -> set[str]:
    routes = booking_app(provider=PROVIDER).router.routes()
    return {
        f"{route.method} {route.resource.canonical}"
        for route in routes
        if route.resource is not None and route.method != "HEAD"
    }


def test_every_gate_guards_a_route_that_exists() -> None:
    assert set(GATES) <= registered()


def test_what_is_not_in_the_table_is_for_active_tokens() -> None:
    assert {route for route in registered() if gate_of(*route.split(" ")) is Gate.ACTIVE} == {
        "GET /v1/concerts",
        "GET /v1/concerts/{concert_id}/schedules",
        "GET /v1/schedules/{concert_schedule_id}/seats",
        "GET /v1/schedules/{concert_schedule_id}/seats/events",
        "POST /v1/schedules/{concert_schedule_id}/bookings",
    }


def test_a_route_nobody_thought_of_is_refused_by_default() -> None:
    assert gate_of("POST", "/v1/anything") is Gate.ACTIVE
    assert gate_of("PATCH", "/v1/users/me") is Gate.ACTIVE
    assert gate_of("DELETE", "/v1/admin/concerts") is Gate.OPERATOR


def test_every_operators_route_is_the_operators() -> None:
    routes = {route for route in registered() if "/v1/admin" in route}

    assert routes
    assert {gate_of(*route.split(" ")) for route in routes} == {Gate.OPERATOR}


def test_a_head_request_is_guarded_like_its_get() -> None:
    assert gate_of("HEAD", "/v1/bookings") is Gate.OWNER
    assert gate_of("HEAD", "/v1/concerts") is Gate.ACTIVE


class Rooms:
    """A sale that knows one date's room, and counts how often it is asked."""

    def __init__(self, room_id: str):
        self.room_id = room_id
        self.asked = 0

    async def row(self, name: str, of: int) -> dict[str, Any] | None:
        self.asked += 1
        return {"room_id": self.room_id} if of < 100 else None


async def test_which_room_guards_a_date_is_remembered_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr(gate, "monotonic", lambda: now)
    rooms = Rooms("room-a")
    guards = Guards(cast("Sale", rooms))

    assert [await guards.room("schedule_room", 1) for _ in range(3)] == ["room-a"] * 3
    assert rooms.asked == 1
    rooms.room_id = "room-b"
    assert await guards.room("concert_room", 1) == "room-b"  # not the date with that number
    now += Guards.AGE_S
    assert await guards.room("schedule_room", 1) == "room-b"


async def test_what_is_not_there_is_not_remembered_and_what_is_in_a_bounded_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Guards, "SIZE", 10)
    guards = Guards(cast("Sale", Rooms("room-a")))

    assert [await guards.room("schedule_room", of) for of in (100, 100, 200)] == [None] * 3
    assert not guards._known
    for of in range(50):
        await guards.room("schedule_room", of)
    assert len(guards._known) == 10
