"""Tickets, as their owners get them: the code, its QR symbol, a page to print."""

from typing import Literal

from aiohttp import hdrs, web
from msgspec import Struct

from booking_api.gate import VISITOR
from booking_api.handlers import UNCACHED
from booking_api.rendering import utc_text
from booking_api.ticket_codes import TICKET_CODES
from booking_api.ticket_images import page_pdf, symbol_png, symbol_svg
from booking_api.tickets import TICKETS, Shown
from shared.errors import NotConfirmed, TicketVoid
from shared.openapi import ETAG, IF_NONE_MATCH, Answer, described
from shared.paging import path_id
from shared.shapes import Id, Moment
from shared.web import json_response, tagged_response

#: For how long a key must be published before it signs.
CACHED = "public, max-age=300"
REFUSALS = (NotConfirmed, TicketVoid)

routes = web.RouteTableDef()


class TicketKey(Struct):
    """A public key (RFC 7517, RFC 8037)."""

    kty: str
    crv: str
    x: str
    kid: str
    alg: str
    use: str


class TicketKeys(Struct):
    """The keys of which one signed each ticket; the ticket's second part begins its `kid`."""

    keys: list[TicketKey]


class Ticket(Struct):
    """A paid seat's ticket. Whoever has the `code` is let in, once: keep it as you keep money."""

    code: str
    state: Literal["valid", "used"]
    concert_booking_id: Id
    concert_schedule_id: Id
    concert_name: str
    schedule_date: Moment
    seat_number: str
    section: str
    used_at: Moment | None


@routes.get("/v1/tickets/keys")
@described(
    {200: Answer(TicketKeys, (ETAG,)), 304: Answer(headers=(ETAG,))},
    parameters=(IF_NONE_MATCH,),
    stores=False,
)
async def ticket_keys(request: web.Request) -> web.Response:
    """The keys that verify tickets offline, as a JSON Web Key Set."""
    return tagged_response(request, request.app[TICKET_CODES].jwks(), cache_control=CACHED)


@routes.get("/v1/bookings/{concert_booking_id}/ticket")
@described({200: Answer(Ticket)}, refusals=REFUSALS)
async def ticket(request: web.Request) -> web.Response:
    """The ticket of one of the visitor's own bookings."""
    found = await _ticket(request)
    shown = Ticket(
        code=found.code,
        state="valid" if found.used_at is None else "used",
        concert_booking_id=found.concert_booking_id,
        concert_schedule_id=found.concert_schedule_id,
        concert_name=found.concert_name,
        schedule_date=utc_text(found.schedule_date),
        seat_number=found.seat_number,
        section=found.section,
        used_at=None if found.used_at is None else utc_text(found.used_at),
    )
    return json_response(shown, headers=UNCACHED)


@routes.get("/v1/bookings/{concert_booking_id}/ticket.svg")
@described({200: Answer(str, media_type="image/svg+xml")}, refusals=REFUSALS)
async def ticket_svg(request: web.Request) -> web.Response:
    """Its code as a QR symbol, to show on a screen of any size."""
    found = await _ticket(request)
    return _image(await request.app[TICKETS].drawn(symbol_svg, found), "image/svg+xml")


@routes.get("/v1/bookings/{concert_booking_id}/ticket.png")
@described({200: Answer(bytes, media_type="image/png")}, refusals=REFUSALS)
async def ticket_png(request: web.Request) -> web.Response:
    """Its code as a QR symbol, as a picture."""
    found = await _ticket(request)
    return _image(await request.app[TICKETS].drawn(symbol_png, found), "image/png")


@routes.get("/v1/bookings/{concert_booking_id}/ticket.pdf")
@described({200: Answer(bytes, media_type="application/pdf")}, refusals=REFUSALS)
async def ticket_pdf(request: web.Request) -> web.Response:
    """The ticket as a page to print."""
    found = await _ticket(request)
    response = _image(await request.app[TICKETS].drawn(page_pdf, found), "application/pdf")
    name = f"ticket-{found.concert_booking_id}.pdf"
    response.headers[hdrs.CONTENT_DISPOSITION] = f'inline; filename="{name}"'
    return response


async def _ticket(request: web.Request) -> Shown:
    booking_id = path_id(request, "concert_booking_id")
    return await request.app[TICKETS].one(request[VISITOR], booking_id)


def _image(body: bytes, media_type: str) -> web.Response:
    return web.Response(body=body, content_type=media_type, headers=UNCACHED)
