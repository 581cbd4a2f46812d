"""The stores' own account of the sale, to hold against what the clients were told."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal

import asyncpg

from onsale.rush.record import Receipt
from onsale.rush.seating import SOLD

SEATS = """
SELECT seat.status, count(*) AS seats
FROM concert_seat AS seat
JOIN concert_schedule AS schedule USING (concert_schedule_id)
WHERE schedule.concert_id = $1
GROUP BY seat.status
"""

# Receipts without a payment of that amount for a confirmed booking of theirs.
MISSING = """
SELECT receipt.payment_id
FROM unnest($1::bigint[], $2::bigint[], $3::numeric[])
    AS receipt (payment_id, concert_booking_id, amount)
LEFT JOIN payment
    ON payment.payment_id = receipt.payment_id
    AND payment.concert_booking_id = receipt.concert_booking_id
    AND payment.payment_amount = receipt.amount
LEFT JOIN concert_booking AS booking
    ON booking.concert_booking_id = payment.concert_booking_id
    AND booking.status = 'CONFIRMED'
WHERE booking.concert_booking_id IS NULL
ORDER BY receipt.payment_id
"""


@dataclass(frozen=True, slots=True)
class Account:
    """Seats of the concert by status, and the payment ids of receipts nothing stands behind."""

    seats: Counter[str]
    missing: list[int]

    @property
    def total(self) -> int:
        """Seats of the hall."""
        return self.seats.total()

    @property
    def sold(self) -> int:
        """Seats sold."""
        return self.seats[SOLD]


async def audit(database_url: str, concert_id: int, receipts: Collection[Receipt]) -> Account:
    """Count the concert's seats and look up every receipt."""
    connection = await asyncpg.connect(database_url)
    try:
        seats = await connection.fetch(SEATS, concert_id)
        missing = await connection.fetch(
            MISSING,
            [receipt.payment_id for receipt in receipts],
            [receipt.concert_booking_id for receipt in receipts],
            [Decimal(receipt.amount) for receipt in receipts],
        )
    finally:
        await connection.close()
    return Account(
        Counter({row["status"]: row["seats"] for row in seats}),
        [row["payment_id"] for row in missing],
    )
