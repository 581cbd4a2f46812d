"""Everything that operators can change over the booking API: a request for each route, and what the
audit keeps of it."""

from dataclasses import dataclass
from typing import Any

from tests.booking_stack import ROOM, BookingStack, Visitor

DATE = "/v1/admin/schedules/{schedule}"
BOOKING = "/v1/admin/bookings"
WHY = {"reason": "Illness"}


@dataclass(frozen=True, slots=True)
class Deed:
    """A change. `route`: as the table of gates names it; `path` and `subject`: to be filled in."""

    route: str
    path: str
    body: Any
    action: str
    subject: str
    room_id: str | None = ROOM

    @property
    def method(self) -> str:
        return self.route.partition(" ")[0]


#: In an order in which each can be done: what ends something comes last.
DEEDS = (
    Deed(
        "POST /v1/admin/concerts",
        "/v1/admin/concerts",
        {"concert_name": "X", "room_id": ROOM},
        "concert.create",
        "{new_concert}",
    ),
    Deed(
        "PUT /v1/admin/concerts/{concert_id}",
        "/v1/admin/concerts/{concert}",
        {"refund_percent": 50},
        "concert.change",
        "{concert}",
    ),
    Deed(
        "POST /v1/admin/concerts/{concert_id}/schedules",
        "/v1/admin/concerts/{concert}/schedules",
        {"schedule_date": "2030-01-01T20:00:00Z"},
        "schedule.create",
        "{new_schedule}",
    ),
    Deed(
        "PUT /v1/admin/schedules/{concert_schedule_id}",
        DATE,
        {"hold_ttl_s": 60},
        "schedule.change",
        "{schedule}",
    ),
    Deed(
        "POST /v1/admin/schedules/{concert_schedule_id}/seats",
        f"{DATE}/seats",
        {"seats": [{"seat_number": "Z-1", "price": "1.00"}]},
        "seats.add",
        "{schedule}",
    ),
    Deed(
        "PUT /v1/admin/schedules/{concert_schedule_id}/prices",
        f"{DATE}/prices",
        {"prices": [{"price": "2.00", "seat_numbers": ["Z-1"]}]},
        "seats.price",
        "{schedule}",
    ),
    Deed(
        "POST /v1/admin/schedules/{concert_schedule_id}/seats/removal",
        f"{DATE}/seats/removal",
        {"seat_numbers": ["Z-1"]},
        "seats.remove",
        "{schedule}",
    ),
    Deed(
        "PUT /v1/admin/schedules/{concert_schedule_id}/limits/{visitor}",
        f"{DATE}/limits/ann",
        {"own_limit": 6},
        "limit.change",
        "{schedule}",
    ),
    Deed(
        "POST /v1/admin/bookings/{concert_booking_id}/refunds",
        f"{BOOKING}/{{paid}}/refunds",
        {"amount": "1.00", "reason": "Behind a pillar"},
        "booking.refund",
        "{paid}",
    ),
    Deed(
        "POST /v1/admin/bookings/{concert_booking_id}/cancellation",
        f"{BOOKING}/{{booking}}/cancellation",
        WHY,
        "booking.cancel",
        "{booking}",
    ),
    Deed(
        "POST /v1/admin/webhooks/{webhook_event_id}/replay",
        "/v1/admin/webhooks/{event}/replay",
        None,
        "webhooks.replay",
        "{event}",
        None,
    ),
    Deed(
        "DELETE /v1/admin/schedules/{concert_schedule_id}",
        DATE,
        None,
        "schedule.close",
        "{schedule}",
    ),
    Deed(
        "POST /v1/admin/schedules/{concert_schedule_id}/cancellation",
        f"{DATE}/cancellation",
        WHY,
        "schedule.cancel",
        "{schedule}",
    ),
    Deed(
        "DELETE /v1/admin/concerts/{concert_id}",
        "/v1/admin/concerts/{concert}",
        None,
        "concert.take_off_sale",
        "{concert}",
    ),
)


async def furnish(booking: BookingStack) -> tuple[Visitor, dict[str, int]]:
    """A concert with a date, of which a visitor has bought one seat and holds another; the ids that
    deeds are about."""
    schedule_id = await booking.date()
    visitor = await booking.visitor(money="100.00")
    paid, booking_id = await booking.held(visitor, schedule_id, "A-9", "A-1")
    assert (await booking.pay(visitor, paid)).status == 201
    concert_id = await booking.pool.fetchval("SELECT concert_id FROM concert")
    event = await booking.pool.fetchval("SELECT min(webhook_event_id) FROM webhook_event")
    ids = {
        "schedule": schedule_id,
        "concert": concert_id,
        "booking": booking_id,
        "paid": paid,
        "event": event,
    }
    return visitor, ids
