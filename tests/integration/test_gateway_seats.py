"""Rooms that end with their sale, over HTTP: what operators set, and what everybody is told."""

import pytest
from redis.asyncio import Redis

from shared.places import store_clock
from tests.integration.gateways import ADMIN, ROOM, configure, join, queued
from tests.integration.lines import Line
from tests.integration.services import Client

TELL = {"status": "held_out", "seats_available": 0, "seats_reserved": 3, "seats_sold": 1}


@pytest.fixture
def line(redis: Redis) -> Line:
    """The gateway's room, in the store's own time."""
    return Line(redis, store_clock())


async def test_a_room_ends_with_its_sale_where_its_operator_says_so(gateway: Client) -> None:
    made = await configure(gateway)
    assert made.json["ends_with_sale"] is False
    changed = await configure(gateway, ends_with_sale=True)
    assert changed.json["ends_with_sale"] is True
    refused = await gateway.as_operator(
        "PUT", ADMIN, json={"ends_with_sale": 1}, headers={"If-Match": "*"}
    )
    assert (refused.status, refused.code) == (422, "validation_failed")


async def test_the_public_state_tells_what_is_left_alike_to_all(
    gateway: Client, line: Line
) -> None:
    await configure(gateway, ends_with_sale=True)
    await line.seats(0, 3, 1)
    found = await gateway.ask("GET", ROOM)
    sale = {**TELL, "currency": "USD", "schedules": [], "more_schedules": 0}
    assert (found.json["sale"], found.json["state"], found.json["reason"]) == (sale, "open", None)
    known = await gateway.as_visitor("ann", "GET", ROOM)
    assert known.body == found.body
    rooms = await gateway.ask("GET", "/v1/rooms")
    assert [room["sale"] for room in rooms.json["items"]] == [sale]
    operators = await gateway.as_operator("GET", ADMIN)
    assert operators.json["sale"] == sale


async def test_who_waits_while_all_seats_are_held_is_told_so(gateway: Client, line: Line) -> None:
    await configure(gateway, ends_with_sale=True)
    await line.seats(0, 3, 1)
    joined = await join(gateway, "ann")
    assert (joined.json["status"], joined.json["state"]) == ("WAIT", "open")
    assert joined.json["sale"] == {"status": "held_out", "seats_available": 0}
    assert joined.json["eta_s"] is None


async def test_by_hand_nobody_comes_in_and_the_operator_is_told_why(
    gateway: Client, line: Line
) -> None:
    await configure(gateway, ends_with_sale=True)
    await line.seats(0, 3, 1)
    await join(gateway, "ann")
    refused = await gateway.as_operator("POST", f"{ADMIN}/admissions", json={"count": 1})
    assert (refused.status, refused.code) == (409, "room_closed")
    assert "seat" in refused.json["detail"]


async def test_a_room_that_its_sale_has_closed_is_another_version(
    gateway: Client, line: Line
) -> None:
    await configure(gateway, ends_with_sale=True)
    joined = await join(gateway, "ann")
    read = await gateway.as_operator("GET", ADMIN)
    await line.seats(0, 0, 4)
    late = await gateway.as_operator(
        "PUT", ADMIN, json={"max_active": 7}, headers={"If-Match": read.headers["ETag"]}
    )
    assert (late.status, late.code) == (412, "version_conflict")
    told = await gateway.ask("GET", f"{ROOM}/token", headers=queued(joined))
    assert (told.json["status"], told.json["reason"]) == ("EXPIRED", "sold_out")
    stats = await gateway.as_operator("GET", f"{ADMIN}/stats")
    assert stats.json["ended"]["sold_out"] == 1
    refused = await join(gateway, "bob")
    assert (refused.status, refused.code) == (409, "room_closed")
    assert refused.json["reason"] == "sold_out"
    opened = await configure(gateway, state="open")
    assert (opened.json["state"], opened.json["reason"]) == ("open", None)
    await configure(gateway, state="closed")
    refused = await join(gateway, "bob")
    assert refused.json["reason"] == "closed"
