"""Payments of one moment, as the process gives them to the database."""

import json
import random
from dataclasses import dataclass
from typing import Any

from booking_api.database import query
from tests.booking_stack import ROOM, BookingStack, Visitor
from tests.integration.moments import cancel

PATH = "/v1/payments"
#: What is in the books of one visitor.
_KEPT = (
    """SELECT u.balance, l.kind, l.amount, l.balance_after FROM ledger l
    JOIN users u USING (user_id) WHERE u.external_id = $1 ORDER BY l.ledger_id""",
    """SELECT b.status, s.status, s.held_until IS NULL, b.canceled_reason FROM concert_booking b
    JOIN concert_seat s USING (concert_seat_id) JOIN users u USING (user_id)
    WHERE u.external_id = $1 ORDER BY b.concert_booking_id""",
    "SELECT count(*) FROM token_completion WHERE visitor = $1",
    """SELECT kind, payload ->> 'seat_number', payload ->> 'status' FROM webhook_event
    WHERE payload ->> 'visitor' = $1 ORDER BY line, webhook_event_id""",
    """SELECT k.key FROM idempotency_key k JOIN users u USING (user_id)
    WHERE u.external_id = $1 AND k.path = '/v1/payments' ORDER BY k.key""",
)


@dataclass(frozen=True, slots=True)
class Payment:
    """What one request asks for. `room`: of its token, if not that of its visitor's place."""

    visitor: Visitor
    booking_ids: list[int]
    key: str
    room: str | None = None

    @property
    def room_id(self) -> str:
        return self.room or self.visitor.place.room_id

    @property
    def fingerprint(self) -> bytes:
        return str(self.booking_ids).encode()


async def together(booking: BookingStack, *payments: Payment, connection: Any = None) -> list[Any]:
    """The rows of the statement for a moment."""
    rows = await (connection or booking.pool).fetch(
        query("pay_moment"),
        [payment.visitor.name for payment in payments],
        [payment.room_id for payment in payments],
        [PATH] * len(payments),
        [payment.key for payment in payments],
        [payment.fingerprint for payment in payments],
        [number for number, payment in enumerate(payments, 1) for _ in payment.booking_ids],
        [booking_id for payment in payments for booking_id in payment.booking_ids],
        "USD",
        2,
    )
    return list(rows)


async def alone(booking: BookingStack, payment: Payment) -> Any:
    """The row of the statement for one."""
    return await booking.pool.fetchrow(
        query("pay_bookings"),
        payment.visitor.name,
        payment.room_id,
        payment.booking_ids,
        PATH,
        payment.key,
        payment.fingerprint,
        "USD",
        2,
    )


def outcomes(rows: list[Any]) -> list[str]:
    return [row["outcome"] for row in rows]


def seats(first: int, last: int) -> list[str]:
    return [f"A-{number}" for number in range(first, last + 1)]


async def payer(
    booking: BookingStack,
    schedule_id: int,
    *names: str,
    money: str = "500.00",
    room_id: str = ROOM,
) -> tuple[Visitor, list[int]]:
    """Somebody who has money, and holds these seats."""
    visitor = await booking.visitor(money=money, room_id=room_id)
    return visitor, await booking.held(visitor, schedule_id, *names)


async def mixed(booking: BookingStack, chance: random.Random) -> list[Payment]:
    """Payments of all kinds, whatever chance makes of them."""
    dates = [await booking.date(seats(1, 40), price=price) for price in ("10.00", "25.50")]
    names = {date: iter(seats(1, 40)) for date in dates}
    payments: list[Payment] = []
    for _ in range(8):
        visitor = await booking.visitor(money=chance.choice(["20.00", "51.00", "500.00"]))
        ids: list[int] = []
        for date in chance.sample(dates, chance.choice([1, 1, 2])):
            wanted = [next(names[date]) for _ in range(chance.choice([1, 1, 2, 3]))]
            ids += await booking.held(visitor, date, *wanted)
        if chance.random() < 0.2:
            await booking.expire(chance.choice(ids))
        if chance.random() < 0.2:
            await cancel(booking, visitor, chance.choice(ids))
        if chance.random() < 0.2:
            await booking.pay(visitor, chance.choice(ids), key="a")
        for _ in range(chance.choice([1, 1, 1, 2])):
            chosen = chance.sample(ids, chance.randint(1, len(ids)))
            payments.append(Payment(visitor, chosen, chance.choice(["a", "b"])))
    chance.shuffle(payments)
    return payments


async def books(booking: BookingStack, payments: list[Payment], rows: list[Any]) -> Any:
    """What came of payments, without what differs from one time to the next."""
    names = list(dict.fromkeys(payment.visitor.name for payment in payments))
    said = []
    for payment, row in zip(payments, rows, strict=True):
        body = json.loads(row["body"]) if row["body"] else {}
        for paid in body.get("payments", []):
            paid["concert_booking_id"] = payment.booking_ids.index(paid["concert_booking_id"])
            del paid["payment_id"], paid["created_at"]
        if "bookings" in body:
            body["bookings"] = sorted(payment.booking_ids.index(b) for b in body["bookings"])
        said.append((row["outcome"], body, bool(row["completed"])))
    kept = [
        [tuple(found) for found in await booking.pool.fetch(question, name)]
        for name in names
        for question in _KEPT
    ]
    return said, kept
