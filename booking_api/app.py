"""Wiring of the booking API."""

from collections.abc import AsyncIterator

from aiohttp import web

from booking_api import (
    admin,
    checkin_handlers,
    extensions,
    handlers,
    intent_handlers,
    map_events,
    map_handlers,
    operators,
    refunds,
    ticket_handlers,
    waitlist_handlers,
    webhook_log,
)
from booking_api.access import access_of
from booking_api.accounts import ACCOUNTS, Accounts
from booking_api.availability import AVAILABILITY, Availability
from booking_api.background import background
from booking_api.bookings import BOOKINGS, Bookings
from booking_api.catalogue import CATALOGUE, Catalogue
from booking_api.checkins import CHECKINS, Checkins
from booking_api.completions import COMPLETIONS, Completions
from booking_api.database import SALE, Sale
from booking_api.gate import GUARDS, TOKENS, Guards, gated
from booking_api.intents import INTENTS, Intents
from booking_api.map_streams import map_streams, stop_map_streams
from booking_api.money import CURRENCY
from booking_api.payments import PAYMENTS, Payments
from booking_api.provider import HttpProvider, session
from booking_api.refunds import REFUNDS, Refunds
from booking_api.seat_maps import SEAT_MAPS, SeatMaps
from booking_api.settings import BookingSettings
from booking_api.ticket_codes import TICKET_CODES, TicketCodes
from booking_api.tickets import TICKETS, Tickets
from booking_api.waitlist import WAITLIST, Waitlist
from booking_api.webhook_log import WEBHOOK_LOG, WebhookLog
from booking_api.webhooks import RECEIVER, Receiver
from shared.docs import DOCS, Docs
from shared.known_tokens import KnownTokens
from shared.places import PLACES, Places
from shared.plumbing import base_app
from shared.stores import DATABASE, REDIS, connected_database, connected_redis

SETTINGS = web.AppKey("settings", BookingSettings)

ABOUT = (
    "Sells each seat once, to visitors whom the gateway let in: see the seats, hold some, pay. "
    "Amounts are decimal strings; times are RFC 3339 in UTC; errors are RFC 9457 problems with a "
    "stable `code`. HEAD is answered like GET, without the body."
)


def create_app(settings: BookingSettings) -> web.Application:
    """The booking API as one aiohttp application."""
    app = base_app(settings)
    app.middlewares.append(gated)
    app[SETTINGS] = settings
    app[CURRENCY] = settings.currency
    app[TOKENS] = KnownTokens(settings.queue_secrets)
    app[TICKET_CODES] = TicketCodes(settings.ticket_keys)
    app.add_routes(extensions.routes)
    if settings.webhook_url is not None:
        app[RECEIVER] = Receiver(settings.webhook_url, settings.webhook_secrets)
    app.add_routes(handlers.routes)
    app.add_routes(map_handlers.routes)
    app.add_routes(waitlist_handlers.routes)
    app.add_routes(map_events.routes)
    app.add_routes(admin.routes)
    app.add_routes(refunds.routes)
    operators.add_routes(app)
    app.add_routes(webhook_log.routes)
    if settings.ticket_keys:
        app.add_routes(ticket_handlers.routes)
        app.add_routes(checkin_handlers.routes)
    if settings.provider is not None:
        app[intent_handlers.SECRETS] = settings.provider.secrets
        app.add_routes(intent_handlers.routes)
    if settings.demo:
        app.add_routes(handlers.demo_routes)
    app[DOCS] = Docs(app, "Onsale: the booking API", ABOUT, access_of)
    app.cleanup_ctx.extend([stores, provider, map_streams(settings.max_streams), background])
    app.on_shutdown.append(stop_map_streams)
    return app


async def stores(app: web.Application) -> AsyncIterator[None]:
    """Connect, check, hand out, close."""
    settings = app[SETTINGS]
    async with (
        connected_redis(settings.redis_url) as client,
        connected_database(settings.database_url, application="onsale-booking") as pool,
    ):
        app[REDIS], app[DATABASE] = client, pool
        sale, places, currency = Sale.over(pool), Places(client), settings.currency
        app[SALE], app[PLACES], app[GUARDS] = sale, places, Guards(sale)
        app[COMPLETIONS] = Completions(sale, places)
        app[AVAILABILITY] = Availability(sale, client, currency)
        app[CATALOGUE] = Catalogue(sale, places)
        operators.furnish(app, sale, currency)
        app[SEAT_MAPS] = SeatMaps(sale, currency)
        app[BOOKINGS] = Bookings(sale, currency, app[SEAT_MAPS])
        app[WAITLIST] = Waitlist(sale, currency)
        app[PAYMENTS] = Payments(sale, currency, app[COMPLETIONS])
        app[REFUNDS] = Refunds(sale, currency)
        app[ACCOUNTS] = Accounts(sale, currency)
        app[TICKETS] = Tickets(sale, app[TICKET_CODES])
        app[WEBHOOK_LOG] = WebhookLog(sale)
        app[CHECKINS] = Checkins(sale, app[TICKET_CODES])
        yield
        app[TICKETS].close()
        await app[BOOKINGS].close()
        await app[PAYMENTS].close()
        await app[COMPLETIONS].close()
        await places.close()


async def provider(app: web.Application) -> AsyncIterator[None]:
    """The payment provider, where one is configured."""
    settings = app[SETTINGS]
    if settings.provider is None:
        yield
        return
    async with session() as connections:
        app[INTENTS] = Intents(
            app[SALE],
            settings.currency,
            app[COMPLETIONS],
            HttpProvider(settings.provider, connections),
            settings.provider.name,
        )
        yield
