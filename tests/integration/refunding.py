"""Terms of refunds, and asking for them."""

from datetime import datetime, timedelta
from typing import Any

from tests.booking_stack import ADMIN_KEY, BookingStack, Reply, Visitor

OPERATOR = {"Authorization": f"Bearer {ADMIN_KEY}"}


async def terms(
    booking: BookingStack,
    schedule_id: int,
    percent: int = 100,
    until: datetime | None = None,
    date: timedelta = timedelta(days=30),
) -> None:
    """What the date's concert gives back, and until when; the date itself is `date` from now."""
    await booking.pool.execute(
        "UPDATE concert SET refund_percent = $2 WHERE concert_id ="
        " (SELECT concert_id FROM concert_schedule WHERE concert_schedule_id = $1)",
        schedule_id,
        percent,
    )
    await booking.pool.execute(
        "UPDATE concert_schedule SET refund_until = $2, schedule_date = now() + $3"
        " WHERE concert_schedule_id = $1",
        schedule_id,
        until,
        date,
    )


async def bought(booking: BookingStack, visitor: Visitor, schedule_id: int, *seats: str) -> Any:
    """Paid bookings of seats that must be free; their ids."""
    ids = await booking.held(visitor, schedule_id, *seats)
    reply = await booking.pay(visitor, *ids)
    assert reply.status == 201, reply.raw
    return ids


async def refund(
    booking: BookingStack, visitor: Visitor, booking_id: int, *, key: str | None = None
) -> Reply:
    """The owner's way: no queue token is needed, and no body."""
    return await booking.ask(
        "POST",
        f"/v1/bookings/{booking_id}/refunds",
        key=key or booking.new_key(),
        headers={"Authorization": f"Bearer {visitor.identity}"},
    )


async def give_back(
    booking: BookingStack,
    booking_id: int,
    amount: str,
    *,
    key: str | None = None,
    headers: dict[str, str] = OPERATOR,
    reason: str = "behind a pillar",
) -> Reply:
    """The operators' way."""
    return await booking.ask(
        "POST",
        f"/v1/admin/bookings/{booking_id}/refunds",
        body={"amount": amount, "reason": reason},
        key=key or booking.new_key(),
        headers=headers,
    )


async def ledger(booking: BookingStack, visitor: Visitor) -> list[tuple[str, str, str]]:
    """Every movement of a balance, the oldest first: kind, amount, balance after it."""
    found = await booking.ask("GET", "/v1/users/me/ledger", visitor)
    return [
        (move["kind"], move["amount"], move["balance_after"])
        for move in reversed(found.body["items"])
    ]
