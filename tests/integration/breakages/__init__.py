"""Ways to break the sound sale by hand, one invariant at a time.

In a fresh database ids count from 1: users are ann 1, bob 2; seats A-1 to A-6 are 1 to 6; bookings
are ann's 1 and 2 (paid, seats 1 and 2), bob's 3 (held, seat 3) and 4 (canceled, seat 4); payments 1
and 2; ledger rows 1 (ann charged 100), 2 and 3 (bob charged 70 and 5), 4 and 5 (ann paid 50 twice).
In the line ann had number 1 and is gone, bob is ACTIVE with 2, cat waits with 3; the cap is 1.
"""

from tests.integration.breakages import bookings, line, seats, selling
from tests.integration.breakages.breakage import Breakage

__all__ = ["BREAKAGES", "Breakage"]

BREAKAGES = (
    *line.ORDER,
    *line.ADMISSION,
    *seats.SEATS,
    *bookings.BOOKINGS,
    *bookings.MONEY,
    *selling.SELLING,
)
