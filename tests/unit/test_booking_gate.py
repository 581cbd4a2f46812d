"""The table of gates and the routes there are."""

from aiohttp import web

from booking_api import admin, handlers
from booking_api.gate import GATES, Gate, gate_of
from shared import docs, health


def registered() -> set[str]:
    tables = (handlers.routes, handlers.demo_routes, admin.routes, health.routes, docs.routes)
    return {
        f"{route.method} {route.path}"
        for table in tables
        for route in table
        if isinstance(route, web.RouteDef)
    }


def test_every_gate_guards_a_route_that_exists() -> None:
    assert set(GATES) <= registered()


def test_what_is_not_in_the_table_is_for_active_tokens() -> None:
    assert {route for route in registered() if gate_of(*route.split(" ")) is Gate.ACTIVE} == {
        "GET /v1/concerts",
        "GET /v1/concerts/{concert_id}/schedules",
        "GET /v1/schedules/{concert_schedule_id}/seats",
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
