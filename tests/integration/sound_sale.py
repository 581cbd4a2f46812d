"""A small sound sale on real stores, made through the product: something of everything."""

from dataclasses import dataclass

from redis.asyncio import Redis

from queue_gateway.journal import Journal
from tests.booking_stack import BookingStack, Visitor

SEATS = [f"A-{number}" for number in range(1, 7)]


@dataclass(frozen=True)
class SoundSale:
    """Ann paid A-1 and A-2 and is gone; Bob holds A-3, let A-4 go, and is in; Cat waits."""

    ann: Visitor
    bob: Visitor
    cat: Visitor
    schedule_id: int


async def sound_sale(booking: BookingStack, redis: "Redis") -> SoundSale:
    """Sell, hold, cancel, leave and wait; then move the journal to the table."""
    schedule_id = await booking.date(SEATS)
    ann = await booking.visitor(name="ann", money="100.00")
    bob = await booking.visitor(name="bob", money="70.00")
    await booking.charge(bob, "5.00")
    paid = await booking.held(ann, schedule_id, "A-1", "A-2")
    assert (await booking.pay(ann, *paid)).status == 201
    await booking.held(bob, schedule_id, "A-3")
    (canceled,) = await booking.held(bob, schedule_id, "A-4")
    gone = await booking.ask("DELETE", f"/v1/bookings/{canceled}", bob)
    assert gone.status == 204
    await booking.room(max_active=1)
    cat = await booking.visitor(name="cat")
    await move_journal(booking, redis)
    return SoundSale(ann, bob, cat, schedule_id)


async def move_journal(booking: BookingStack, redis: "Redis") -> None:
    """What the gateway's consumer does, until nothing is left."""
    journal = Journal(redis, booking.rooms, booking.pool)
    async with booking.pool.acquire() as connection:
        while await journal.move(connection):
            pass
