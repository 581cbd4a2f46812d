"""Wiring of the gateway."""

from collections.abc import AsyncIterator

from aiohttp import web

from queue_gateway import (
    admin,
    admin_audit,
    admin_stats,
    admin_tokens,
    authorize,
    events,
    handlers,
    jwks,
    page,
)
from queue_gateway.admin_stats import WATCHING, Watching, stop_watching
from queue_gateway.admission import ADMISSION_ROOMS, admission
from queue_gateway.history import History
from queue_gateway.hot import HotTokens
from queue_gateway.journal import journal
from queue_gateway.operators import operated
from queue_gateway.room import ROOMS, Rooms
from queue_gateway.settings import GatewaySettings
from queue_gateway.stats import FIGURES, Figures
from queue_gateway.steering import STEERING, Steering
from queue_gateway.streams import SOURCES, Sources, stop_streams, streams
from queue_gateway.visitors import VISITORS, Visitors
from shared.audit import AUDIT, Audit
from shared.docs import DOCS, Docs
from shared.holds import HOLDS, Holds
from shared.hot import HOT
from shared.passes import PASSES, Passes
from shared.places import PLACES, Places
from shared.plumbing import base_app
from shared.stores import DATABASE, REDIS, connected_database, connected_redis
from shared.tokens import QueueTokens

SETTINGS = web.AppKey("settings", GatewaySettings)

#: Who joins says once who they are, and polls with a queue token; only those who come again at once
#: are worth remembering. A crowd of ten thousand takes as much memory as one of a million.
IDENTITIES_KEPT = 4_096

ABOUT = (
    "A fair line in front of the sale. Join a room, ask how far the line has moved, and take the "
    "ACTIVE token to the booking API. Times are RFC 3339 in UTC; errors are RFC 9457 problems with "
    "a stable `code`. HEAD is answered like GET, without the body."
)


def create_app(settings: GatewaySettings) -> web.Application:
    """The gateway as one aiohttp application."""
    app = base_app(settings, identities=IDENTITIES_KEPT)
    app.middlewares.append(operated)
    app[SETTINGS] = settings
    app[handlers.TOKENS] = QueueTokens(settings.queue_secrets)
    app[PASSES] = Passes(settings.pass_keys)
    app.add_routes(handlers.routes)
    app.add_routes(events.routes)
    app.add_routes(page.routes)
    app.add_routes(authorize.routes)
    app.add_routes(jwks.routes)
    for operators in (admin, admin_tokens, admin_stats, admin_audit):
        app.add_routes(operators.routes)
    app[DOCS] = Docs(app, "Onsale: the gateway", ABOUT)
    app.cleanup_ctx.extend([stores, admission, journal, streams(settings.max_streams)])
    app[WATCHING] = Watching()
    app.on_shutdown.extend([stop_streams, stop_watching])
    return app


async def stores(app: web.Application) -> AsyncIterator[None]:
    """Connect, check, hand out, close."""
    settings = app[SETTINGS]
    async with (
        connected_redis(settings.redis_url) as client,
        connected_redis(settings.redis_url) as apart,
        connected_database(settings.database_url, application="onsale-gateway") as pool,
    ):
        app[REDIS], app[DATABASE] = client, pool
        app[ROOMS], app[PLACES] = Rooms(client), Places(client)
        app[ADMISSION_ROOMS] = Rooms(apart)
        app[AUDIT], app[HOLDS], history = Audit(pool), Holds(pool), History(pool)
        app[STEERING] = Steering(app[ROOMS], app[PLACES], history)
        app[VISITORS], app[FIGURES] = Visitors(app[ROOMS], history), Figures(app[ROOMS], history)
        app[SOURCES] = Sources(app[ADMISSION_ROOMS], Places(apart), apart)
        app[HOT] = found = HotTokens(app)
        yield
        await found.close()
        for asked in (app[ROOMS], app[PLACES], app[SOURCES].places):
            await asked.close()
