"""`python -m queue_gateway`: serve the gateway, configured by the environment."""

import sys

from queue_gateway.app import create_app
from queue_gateway.settings import read_settings
from shared.serve import main

if __name__ == "__main__":
    sys.exit(main("queue_gateway", read_settings, create_app))
