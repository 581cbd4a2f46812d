"""The sale in plain Python: what every request must answer, and what must be true afterwards.

One request after the other, without clock, locks or store. What only the real thing knows (ids,
times, bytes) the model learns from its answers. Visitors, dates and rooms are named as the test
names them.
"""

from tests.model.collecting import Collecting
from tests.model.selling import Booking, Date, Expected, Request, Visitor
from tests.model.waiting import Waiting

__all__ = ["Booking", "Date", "Expected", "Request", "Sale", "Visitor"]


class Sale(Collecting, Waiting):
    """Everything that is sold, and to whom."""
