"""What is left of the seats, told to the rooms that guard them: sold out is said early.

One process counts for all rooms, as long as it has the lease. A count that comes late, of one that
lost it, changes nothing: counts have an order.
"""

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import redis.asyncio as redis
from aiohttp import web
from redis.exceptions import RedisError

from booking_api.counting import Count, Counted, Counting
from booking_api.database import Sale
from booking_api.money import Currency
from shared.lease import Lease
from shared.logs import logger
from shared.places import ROOM_KEYS, room_keys
from shared.scripts import Script
from shared.tokens import Place

#: With the half second that a gateway keeps what it read, no figure is older than a second.
PAUSE_S = 0.4
#: Counting takes no more of the time than this, however many seats there are.
SHARE = 0.1
#: What did not change is told again now and then: a room forgets what nobody tells it.
RENEWED_S = 2.0
#: Whoever takes over from a process that died does so after this time.
LEASE, LEASE_S = "onsale:seats-left", 2.0
#: Rooms told in one round trip.
AT_ONCE = 100
#: Who was let in for a seat before this process counted is looked for in so many bookings.
RECENT_BOOKINGS = 10_000

log = logger(__name__)

#: By rooms, the numbers of tokens.
Numbers = Mapping[str, list[int]]


@dataclass(slots=True)
class _Told:
    """What a room was told last, and what it said: `called` came in for seats, if seats decide."""

    counted: Counted
    at: float
    generation: int = 0
    by_seat: bool = False
    called: list[int] = field(default_factory=list)


class Availability:
    """Counts and tells while it has the lease."""

    def __init__(self, sale: Sale, client: "redis.Redis", currency: Currency):
        self._sale = sale
        self._currency = currency
        self._lease = Lease(client, LEASE, LEASE_S)
        self._sell = Script(client, "sell")
        self._begin_anew()

    async def run(self) -> None:
        """Until cancelled; no failure of a store ends it."""
        failing = False
        while True:
            began = time.monotonic()
            try:
                await self.step()
                failing = False
            except Exception as error:  # noqa: BLE001 -- whatever a store does, the loop lives
                if not failing:
                    log.warning("loop_failing", loop="availability", error=type(error).__name__)
                failing = True
            await asyncio.sleep(max(PAUSE_S, (time.monotonic() - began) / SHARE))

    async def step(self) -> None:
        """Count, where anything may have changed, and tell the rooms. Raises the stores' errors."""
        if not await self._lease.held():
            self._begin_anew()
            return
        served = await self._served()
        count = await self._counting.now()
        await self._tell(count, served)
        if not any(told.called for told in self._told.values()):
            self._since = count.last_booking
        while count.sold_out:
            await self._sale.rows("announce_sold_out", count.sold_out[-1])
            count.sold_out.pop()

    async def stop(self) -> None:
        """Let another process go on at once; where Redis does not answer, it does soon."""
        with contextlib.suppress(RedisError):
            await self._lease.release()

    def _begin_anew(self) -> None:
        self._counting = Counting(self._sale, self._currency)
        self._told: dict[str, _Told] = {}
        #: The last booking before anybody was let in for a seat.
        self._since = -1

    async def _served(self) -> Numbers:
        """Of those let in for a seat, whoever has one by now.

        Asked before the seats are counted, so that the count knows the seats of those found here.
        """
        places = {
            Place(room_id, "", told.generation, number).jti: (room_id, number)
            for room_id, told in self._told.items()
            for number in told.called
        }
        served: defaultdict[str, list[int]] = defaultdict(list)
        if places:
            for row in await self._sale.rows("tokens_with_bookings", self._since, list(places)):
                room_id, number = places[row["token_value"]]
                served[room_id].append(number)
        return served

    async def _tell(self, count: Count, served: Numbers) -> None:
        """Each room what is new to it or was told long ago, also that nothing is on sale in it."""
        if self._since < 0:
            self._since = max(0, count.last_booking - RECENT_BOOKINGS)
        now = time.monotonic()
        due: dict[str, Counted | None] = dict.fromkeys(self._told.keys() - count.rooms.keys())
        for room_id, counted in count.rooms.items():
            told = self._told.get(room_id)
            if counted.sold_out and not counted.settled:
                continue  # it would end the tokens of those who just paid, too
            if (
                told is None
                or told.counted != counted
                or told.by_seat
                or now - told.at >= RENEWED_S
            ):
                due[room_id] = counted
        for some in _chunks(due):
            calls = [self._call(room_id, due[room_id], count.version, served) for room_id in some]
            for room_id, answer in zip(some, await self._sell.each(calls), strict=True):
                self._take(room_id, due[room_id], answer, now)

    def _call(
        self, room_id: str, counted: Counted | None, version: int, served: Numbers
    ) -> tuple[list[str], list[object]]:
        keys = room_keys(room_id, *ROOM_KEYS)
        if counted is None:
            return keys, ["", "", 0, 0, 0, "", 0]
        figures = [version, counted.available, counted.reserved, counted.sold, counted.dates]
        known = self._told.get(room_id)
        generation = known.generation if known else 0
        return keys, ["", *figures, generation, *served.get(room_id, ())]

    def _take(self, room_id: str, counted: Counted | None, answer: object, at: float) -> None:
        """Remember what a room was told; where that failed, it is told again."""
        if isinstance(answer, RedisError):
            log.warning("room_not_told", room_id=room_id, error=type(answer).__name__)
            if counted is not None:
                self._told.pop(room_id, None)
        elif counted is None:
            del self._told[room_id]
        else:
            told = self._told[room_id] = _Told(counted, at)
            if isinstance(answer, list):  # else there is no such room, yet
                outcome, told.generation, by_seat, *called = answer
                told.by_seat = bool(by_seat)
                told.called = [int(number) for number in called]
                if outcome == "old":
                    del self._told[room_id]
                elif outcome == "closed":
                    log.info("room_sold_out", room_id=room_id)


def _chunks(room_ids: Iterable[str]) -> list[list[str]]:
    names = list(room_ids)
    return [names[at : at + AT_ONCE] for at in range(0, len(names), AT_ONCE)]


AVAILABILITY = web.AppKey("availability", Availability)
