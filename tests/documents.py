"""Apps that are never started, for what they say of themselves."""

from typing import Any

from aiohttp import web

from booking_api.app import create_app as create_booking
from booking_api.provider import ProviderSettings
from queue_gateway.app import create_app as create_gateway
from tests.booking_stack import _settings
from tests.integration.services import settings

NOWHERE = ("redis://127.0.0.1:1", "postgresql://127.0.0.1:1")
PROVIDER = ProviderSettings("provider", "http://127.0.0.1:1", "k", ("s",))


def gateway_app() -> web.Application:
    """The gateway, without its stores."""
    return create_gateway(settings(*NOWHERE))


def booking_app(**changes: Any) -> web.Application:
    """The booking API, without its stores."""
    return create_booking(_settings(*NOWHERE, **changes))
