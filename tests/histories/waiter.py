"""Clients in the waiting list of a date that is sold out."""

import asyncio
from typing import Any

from tests.histories.buyer import Buyer
from tests.histories.client import Told
from tests.histories.recorder import Hold

#: Who waits asks this often, and gives up after so many times.
PAUSE_S, MOST_ASKED = 0.1, 40


class Waiter(Buyer):
    """A client who waits for what others give back."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        #: By booking; who comes again finds an offer that they did not take.
        self._offers: dict[int, Hold] = {}

    async def wait(self, schedule: int) -> list[Hold]:
        """Join the list, wait for an offer, and do something with it; what is bought by then."""
        path = f"/v1/schedules/{schedule}/waitlist"
        joined = await self.booking_api("join list", "POST", path)
        if joined.status not in (200, 201):
            if joined.code == "unavailable":
                await asyncio.sleep(PAUSE_S)
            return []
        knew_nothing, told = joined.begin, joined
        for _ in range(MOST_ASKED):
            if told.body["status"] != "WAITING" or self.show.schedule != schedule:
                break
            knew_nothing = told.begin
            await asyncio.sleep(PAUSE_S)
            told = await self.booking_api("place", "GET", path)
        if told.body["status"] == "WAITING":
            knew_nothing = told.begin
            left = await self.booking_api("leave list", "DELETE", path)
            told = await self.booking_api("place", "GET", path)
            offered = self._offered(schedule, knew_nothing, told)
            if offered is not None:
                self.recorder.canceled(left.begin, left.end, offered)
            return []
        offered = self._offered(schedule, knew_nothing, told)
        if offered is None or told.body["status"] != "OFFERED":
            return []
        return await self._take(offered)

    async def _take(self, offered: Hold) -> list[Hold]:
        fate = self.dice.random()
        if fate < 0.2:
            offered = await self.extend(offered)
        if fate < 0.5:
            return await self.pay([offered])
        if fate < 0.7:
            return await self.collect([offered])
        if fate < 0.8:
            await self.cancel(offered)
        elif fate < 0.9:
            path = f"/v1/schedules/{offered.seat[0]}/waitlist"
            left = await self.booking_api("leave list", "DELETE", path)
            self.recorder.canceled(left.begin, left.end, offered)
        return []  # The rest let the offer lapse.

    def _offered(self, schedule: int, knew_nothing: float, told: Told) -> Hold | None:
        """The seat that a place was offered, written down as a hold."""
        booking: Any = told.body["booking"]
        if booking is None:
            return None
        known = self._offers.get(booking["concert_booking_id"])
        if known is None:
            self.recorder.offers += 1
            (known,) = self.recorder.held(knew_nothing, told.end, schedule, [booking])
            self._offers[known.booking] = known
        return known
