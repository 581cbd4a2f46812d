"""What every app of ours is wired with."""

from aiohttp import web

from shared import docs, health
from shared.credentials import ADMIN_KEYS, IDENTITIES
from shared.identity import Identities
from shared.jwks import identity_keys
from shared.metrics import measured
from shared.settings import ServiceSettings
from shared.web import MAX_BODY_BYTES, WEB_ORIGINS, cross_origin, problems


def base_app(
    settings: ServiceSettings,
    *,
    max_body_bytes: int = MAX_BODY_BYTES,
    identities: int | None = None,
) -> web.Application:
    """An application with middlewares, identities, operator keys, health and docs.

    `identities`: verified ones remembered at most.
    """
    app = web.Application(
        middlewares=[measured, cross_origin, problems], client_max_size=max_body_bytes
    )
    app[WEB_ORIGINS] = settings.web_origins
    app[IDENTITIES] = Identities(settings.identity_secrets, settings.lane_claim, identities)
    app.cleanup_ctx.append(identity_keys(settings.identity_jwks, app[IDENTITIES]))
    app[ADMIN_KEYS] = settings.admin_keys
    app.add_routes(health.routes)
    app.add_routes(docs.routes)
    return app
