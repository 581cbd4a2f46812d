"""A program's steps, done to the booking API and to its model at once."""

from tests.integration.sales.run import Run
from tests.integration.sales.talking import MORE_SEATS

__all__ = ["MORE_SEATS", "Run"]
