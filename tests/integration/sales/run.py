"""One sale, from an empty database to the questions of `onsale verify`."""

from decimal import Decimal
from typing import Self

from redis.asyncio import Redis

from tests.booking_stack import TABLES, BookingStack
from tests.integration.providing import Shop
from tests.integration.sales.collecting import Collecting
from tests.integration.sales.looking import Looking
from tests.integration.sales.talking import MORE_SEATS, ROOMS, SEATS
from tests.integration.sales.waiting import Waiting
from tests.model import sale as model
from tests.model.sale import Date
from tests.model.selling import EXTENSION_S, HOLD_TTL_S, OFFER_TTL_S

#: Room, limit, price, percent of it given back, seats that may be let go in an hour, whether
#: orphans are avoided. Of one room a date that gives all back, and one that gives half and avoids
#: orphans; of another one that costs nothing, and one that costs much and gives nothing back.
DATES = (
    ("room-a", 2, "10.00", 100, 0, False),
    ("room-a", 3, "33.33", 50, 0, True),
    ("room-b", 1, "0.00", 100, 2, False),
    ("room-b", 4, "40.00", 0, 0, False),
)


class Run(Collecting, Waiting, Looking):
    """One sale."""

    @classmethod
    async def begun(cls, shop: Shop, redis: Redis) -> Self:
        """Three visitors in two rooms with four dates; the first visitor has no money."""
        booking = shop.booking
        await redis.flushall()
        await booking.pool.execute(f"TRUNCATE {', '.join(TABLES)}, queue")
        run = cls(booking, model.Sale([await _date(booking, *date) for date in DATES]))
        run.shop, run.redis = shop, redis
        shop.forget()
        for number, money in enumerate((None, "100.00", "500.00")):
            name = f"visitor-{number}"
            places = {r: await booking.visitor(room_id=r, name=name) for r in ROOMS}
            run.visitors[name] = places
            run.sale.visitors[name] = model.Visitor(
                {room: visitor.place.jti for room, visitor in places.items()}
            )
            if money is not None:
                await run.charge(number, money, None)
        run.visitors["watcher"] = {
            r: await booking.visitor(room_id=r, name="watcher") for r in ROOMS
        }
        return run

    async def end(self) -> None:
        """Look, sweep, look at what that may have changed, and ask what `onsale verify` asks."""
        await self.look()
        await self.look_at_lists()
        await self.sweep(200)
        await self.look_at_seats()
        await self.booking.assert_sound()


async def _date(
    booking: BookingStack,
    room: str,
    limit: int,
    price: str,
    percent: int,
    churn: int,
    avoid_orphans: bool,
) -> Date:
    seats = MORE_SEATS if avoid_orphans else SEATS
    schedule_id = await booking.date(
        list(seats), room_id=room, price=price, limit=limit, hold_ttl_s=HOLD_TTL_S
    )
    await booking.pool.execute(
        "UPDATE concert_schedule SET hold_extension_s = $2, max_let_go_per_hour = $3,"
        " avoid_orphans = $4, offer_ttl_s = $5 WHERE concert_schedule_id = $1",
        schedule_id,
        EXTENSION_S,
        churn,
        avoid_orphans,
        OFFER_TTL_S,
    )
    await booking.pool.execute(
        "UPDATE concert SET refund_percent = $2 FROM concert_schedule d"
        " WHERE d.concert_id = concert.concert_id AND d.concert_schedule_id = $1",
        schedule_id,
        percent,
    )
    return Date(
        schedule_id,
        room,
        limit,
        Decimal(price),
        seats,
        refund_percent=percent,
        avoid_orphans=avoid_orphans,
        churn=churn,
    )
