"""`python -m bench.ungated`: the booking API without its gate, to see what the gate costs.

Nothing but that middleware is left out. Its routes that need a visitor do not work.
"""

import sys

from aiohttp import web

from booking_api.app import create_app
from booking_api.gate import gated
from booking_api.settings import BookingSettings, read_settings
from shared.serve import main


def without_gate(settings: BookingSettings) -> web.Application:
    app = create_app(settings)
    app.middlewares.remove(gated)
    return app


if __name__ == "__main__":
    sys.exit(main("bench.ungated", read_settings, without_gate))
