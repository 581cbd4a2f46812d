"""Tickets: one for each paid seat, for its owner alone, in every form."""

import asyncio

import pytest

from booking_api import tickets
from booking_api.ticket_codes import Ticket, TicketCodes
from booking_api.tickets import TICKETS
from tests.booking_stack import TICKET_KEY, BookingStack, Visitor

FORMS = {
    "ticket": "application/json",
    "ticket.svg": "image/svg+xml",
    "ticket.png": "image/png",
    "ticket.pdf": "application/pdf",
}


async def bought(booking: BookingStack, *seats: str) -> tuple[int, Visitor, list[int]]:
    """A date, a visitor who paid seats of it, and their bookings."""
    schedule_id = await booking.date()
    visitor = await booking.visitor(money="1000.00")
    ids = await booking.held(visitor, schedule_id, *(seats or ("A-1",)))
    assert (await booking.pay(visitor, *ids)).status == 201
    return schedule_id, visitor, ids


async def test_a_paid_seat_has_a_ticket_that_anybody_can_verify(booking: BookingStack) -> None:
    schedule_id, visitor, (booking_id,) = await bought(booking, "A-7")

    reply = await booking.ask("GET", f"/v1/bookings/{booking_id}/ticket", visitor)

    assert (reply.status, reply.body["state"]) == (200, "valid")
    assert (reply.body["seat_number"], reply.body["concert_name"]) == ("A-7", "Nina Simone")
    said = TicketCodes((TICKET_KEY,)).read(reply.body["code"])
    assert said == Ticket(booking_id, schedule_id, "A-7")
    keys = await booking.ask("GET", "/v1/tickets/keys")
    assert keys.body == TicketCodes((TICKET_KEY,)).jwks()
    assert reply.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("form", FORMS)
async def test_a_ticket_comes_in_every_form(booking: BookingStack, form: str) -> None:
    _, visitor, (booking_id,) = await bought(booking)

    reply = await booking.ask("GET", f"/v1/bookings/{booking_id}/{form}", visitor)

    assert reply.status == 200
    assert reply.headers["Content-Type"].partition(";")[0] == FORMS[form]
    assert reply.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("form", FORMS)
async def test_nobody_else_gets_it(booking: BookingStack, form: str) -> None:
    _, _, (booking_id,) = await bought(booking)
    other = await booking.visitor()

    refusals = [
        await booking.ask("GET", f"/v1/bookings/{booking_id}/{form}", other),
        await booking.ask("GET", f"/v1/bookings/{booking_id}/{form}"),
    ]

    assert [(r.status, r.code) for r in refusals] == [
        (404, "not_found"),
        (401, "identity_required"),
    ]


async def test_what_is_not_paid_has_no_ticket(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    held, let_go, late = await booking.held(visitor, schedule_id, "A-1", "A-2", "A-3")
    await booking.ask("DELETE", f"/v1/bookings/{let_go}", visitor)
    await booking.expire(late)

    refusals = [
        await booking.ask("GET", f"/v1/bookings/{one}/ticket", visitor)
        for one in (held, let_go, late)
    ]

    assert [(r.status, r.code) for r in refusals] == [
        (409, "not_confirmed"),
        (409, "ticket_void"),
        (409, "ticket_void"),
    ]


async def test_what_was_given_back_has_none_any_more(booking: BookingStack) -> None:
    _, visitor, (booking_id,) = await bought(booking)
    await booking.pool.execute("UPDATE concert SET refund_percent = 100")
    assert (await booking.ask("DELETE", f"/v1/bookings/{booking_id}", visitor)).status == 204

    refused = await booking.ask("GET", f"/v1/bookings/{booking_id}/ticket.pdf", visitor)

    assert (refused.status, refused.code) == (409, "ticket_void")


async def test_a_date_that_does_not_take_place_has_no_tickets(booking: BookingStack) -> None:
    _, visitor, (booking_id,) = await bought(booking)
    await booking.pool.execute("UPDATE concert_schedule SET state = 'canceled'")

    refused = await booking.ask("GET", f"/v1/bookings/{booking_id}/ticket", visitor)

    assert (refused.status, refused.code) == (409, "ticket_void")


async def test_only_so_many_are_drawn_at_once(
    booking: BookingStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, visitor, (booking_id,) = await bought(booking)
    monkeypatch.setattr(tickets, "MOST_DRAWN", 0)

    refused = await booking.ask("GET", f"/v1/bookings/{booking_id}/ticket.png", visitor)

    assert (refused.status, refused.code) == (503, "unavailable")
    assert int(refused.headers["Retry-After"]) >= 1
    monkeypatch.undo()
    path = f"/v1/bookings/{booking_id}/ticket.png"
    together = await asyncio.gather(*(booking.ask("GET", path, visitor) for _ in range(8)))
    assert {reply.status for reply in together} == {200}
    assert booking.app[TICKETS]._drawing == 0
