"""`python -m bench.one_by_one`: the gateway's poll with one script call of redis-py per request.

The product's own route, places and middlewares; only that requests of one moment share nothing.
"""

import sys
from collections.abc import AsyncIterator

from aiohttp import web

from queue_gateway import handlers
from queue_gateway.room import ROOMS, Rooms
from queue_gateway.settings import GatewaySettings, read_settings
from shared.passes import PASSES, Passes
from shared.places import PLACES, Places, Status
from shared.plumbing import base_app
from shared.serve import main
from shared.stores import DATABASE, REDIS, connected_database, connected_redis
from shared.tokens import Place, QueueTokens


class OneByOne(Places):
    """Asks for each place as soon as somebody asks."""

    async def status(self, place: Place) -> Status:
        (found,) = await self.statuses(place.room_id, [place])
        return found


def create_app(settings: GatewaySettings) -> web.Application:
    """The ordinary way through the router, and nothing else."""
    app = base_app(settings)
    app[handlers.TOKENS] = QueueTokens(settings.queue_secrets)
    app[PASSES] = Passes(settings.pass_keys)
    app.add_routes(handlers.routes)

    async def stores(app: web.Application) -> AsyncIterator[None]:
        async with (
            connected_redis(settings.redis_url) as client,
            connected_database(settings.database_url, application="bench") as pool,
        ):
            app[REDIS], app[DATABASE] = client, pool
            app[ROOMS], app[PLACES] = Rooms(client), OneByOne(client)
            yield

    app.cleanup_ctx.append(stores)
    return app


if __name__ == "__main__":
    sys.exit(main("bench.one_by_one", read_settings, create_app))
