"""`python -m booking_api`: serve the booking API, configured by the environment."""

import sys

from booking_api.app import create_app
from booking_api.settings import read_settings
from shared.serve import main

if __name__ == "__main__":
    sys.exit(main("booking_api", read_settings, create_app))
