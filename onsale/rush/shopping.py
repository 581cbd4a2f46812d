"""Inside: dates, seat map, hold, race lost, pay."""

from collections import deque
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from onsale.rush.crowd import Fate
from onsale.rush.record import Kind, Outcome, Receipt
from onsale.rush.sale import Sale
from onsale.rush.seating import Hall, Plan, pick
from onsale.rush.sightings import NO_LONGER_ACTIVE
from onsale.rush.visit import Ended, PlaceLost, Stage, Visit, new_key
from onsale.rush.waiting import Place

RACES_LOST_AT_MOST = 60  # a bound, not a habit: with pauses growing to a second it is a minute
LOOK_AGAIN_S = 0.5


@dataclass(frozen=True, slots=True)
class Basket:
    """Held seats, to be paid."""

    booking_ids: list[int]
    schedule_id: int
    seat_numbers: dict[int, str]  # by concert_booking_id
    total: str


class Shopper:
    """One visitor in the shop, with an ACTIVE token."""

    def __init__(self, visit: Visit, sale: Sale, place: Place) -> None:
        self._visit = visit
        self._api = f"{sale.booking_url}/v1"
        self._concert_id = sale.concert_id
        self._plans = sale.plans
        self._place = place
        self._group = visit.persona.group
        self._lost = 0

    async def shop(self) -> None:
        """Ends with Ended, or with PlaceLost when time was up before anything was held."""
        visit, fate = self._visit, self._visit.persona.fate
        visit.enter(Stage.INSIDE)
        dates = await self._dates()
        await visit.think()
        if fate is Fate.VANISH_INSIDE:
            raise Ended(Outcome.VANISHED_INSIDE)
        if fate in (Fate.LOOK_ONLY, Fate.LEAVE_THE_LINE):
            for date in dates[:1]:
                await self._look(date)
            raise await self._left(Outcome.LOOKED)
        while True:
            basket = await self._fill(dates)
            visit.enter(Stage.HOLDING)
            await self._settle(basket)
            visit.enter(Stage.INSIDE)  # too late: the hold had ended, so look again

    async def _dates(self) -> list[int]:
        """The ids of the concert's dates; those with seats first, else in the order of the list."""
        answer = await self._read(Kind.SCHEDULES, f"/concerts/{self._concert_id}/schedules")
        items = sorted(answer["items"], key=lambda item: item["seats_available"] <= 0)
        return [item["concert_schedule_id"] for item in items]

    async def _look(self, schedule_id: int) -> Hall:
        """The whole seat map, the first time."""
        seat_map = await self._read(Kind.SEATS, f"/schedules/{schedule_id}/seats")
        # A hall's plan is the same for everybody, and dear to read off for each.
        if schedule_id not in self._plans:
            self._plans[schedule_id] = Plan.of(seat_map["seats"])
        hall = Hall(schedule_id, self._plans[schedule_id])
        hall.take_in(seat_map)
        return hall

    async def _look_again(self, hall: Hall) -> None:
        """What changed since the last look."""
        path = f"/schedules/{hall.schedule_id}/seats?since={hall.version}"
        hall.take_in(await self._read(Kind.SEATS, path))

    async def _fill(self, dates: list[int]) -> Basket:
        """Try for seats until some are held; another date when this one has none free."""
        unseen, seen = deque(dates), deque[Hall]()
        while unseen or not all(hall.sold_out for hall in seen):
            if seen and seen[0].free:
                if not self._lost:  # after a lost race nobody stops to think
                    await self._visit.think()
                basket = await self._hold(seen[0])
                if basket:
                    return basket
            elif unseen:
                seen.appendleft(await self._look(unseen.popleft()))
                continue
            else:
                seen.rotate()
                await self._visit.sleep(LOOK_AGAIN_S)  # holds come back by the second, at best
            await self._be_patient()
            await self._look_again(seen[0])
        raise await self._left(Outcome.SOLD_OUT)

    async def _hold(self, hall: Hall) -> Basket | None:
        """One try for seats that were free; None when they were gone."""
        visit = self._visit
        # Whoever lost a race tries less popular seats next time.
        pull = visit.persona.pull / (1 + self._lost)
        chosen = pick(hall.plan, hall.free, self._group, visit.dice, pull)
        answer = await visit.ask(
            Kind.HOLD,
            "POST",
            f"{self._api}/schedules/{hall.schedule_id}/bookings",
            token=self._place.token,
            key=new_key(),
            body={"seat_numbers": chosen},
            accept=frozenset({NO_LONGER_ACTIVE, "seat_taken", "limit_exceeded"}),
        )
        self._place.passed(answer)
        if answer.code == NO_LONGER_ACTIVE:
            raise PlaceLost
        if answer.code == "limit_exceeded":
            self._group = max(1, self._group - 1)
        if answer.code:
            self._lost += 1
            visit.record.events[f"hold refused: {answer.code}"] += 1
            return None
        return self._basket(hall.schedule_id, chosen, answer.body)

    def _basket(self, schedule_id: int, chosen: list[str], body: dict[str, Any]) -> Basket:
        bookings = {b["concert_booking_id"]: b["seat_number"] for b in body["bookings"]}
        if sorted(bookings.values()) != sorted(chosen):
            self._visit.surprise(Kind.HOLD, f"asked for {chosen}, got {list(bookings.values())}")
        if sum(Decimal(b["price"]) for b in body["bookings"]) != Decimal(body["total"]):
            self._visit.surprise(Kind.HOLD, f"total {body['total']} is not the sum of the prices")
        self._visit.record.events["holds"] += 1
        return Basket(list(bookings), schedule_id, bookings, body["total"])

    async def _be_patient(self) -> None:
        """Pause before the next look; longer after each lost race."""
        visit = self._visit
        if self._lost >= RACES_LOST_AT_MOST or visit.patience_s() <= 0:
            raise await self._left(Outcome.GAVE_UP_INSIDE)
        longest = min(1.0, 0.2 + 0.1 * self._lost)
        await visit.sleep(visit.dice.uniform(0.1, longest))

    async def _settle(self, basket: Basket) -> None:
        """Pay, cancel or vanish; returns only when the hold had ended before it was paid."""
        visit, fate = self._visit, self._visit.persona.fate
        await visit.think()
        if fate is Fate.VANISH_WITH_HOLD:
            raise Ended(Outcome.VANISHED_WITH_HOLD)
        if fate is Fate.CANCEL_THE_HOLD:
            for booking_id in basket.booking_ids:
                url = f"{self._api}/bookings/{booking_id}"
                await visit.ask(Kind.CANCEL, "DELETE", url, token=self._place.token)
            raise await self._left(Outcome.CANCELED)
        if await self._pay(basket):
            await self._place.expect_completed()
            raise Ended(Outcome.BOUGHT)

    async def _pay(self, basket: Basket) -> bool:
        """Pay, topping up when the balance is short; False when the hold had ended."""
        visit, key = self._visit, new_key()
        accept = frozenset({"insufficient_balance", "booking_expired"})
        while True:
            answer = await visit.ask(
                Kind.PAY,
                "POST",
                f"{self._api}/payments",
                token=self._place.token,
                key=key,
                body={"concert_booking_ids": basket.booking_ids},
                accept=accept,
            )
            if answer.code == "booking_expired":
                visit.record.events["paid too late"] += 1
                return False
            if answer.code != "insufficient_balance":
                self._keep(basket, answer.body)
                return True
            # Whatever was charged at first, the prices of this concert ask for more.
            await charge(visit, self._api, str(answer.body["shortfall"]))

    def _keep(self, basket: Basket, body: dict[str, Any]) -> None:
        visit = self._visit
        paid = {payment["concert_booking_id"]: payment for payment in body["payments"]}
        if paid.keys() != basket.seat_numbers.keys():
            visit.surprise(Kind.PAY, f"paid {sorted(paid)}, held {sorted(basket.seat_numbers)}")
        if Decimal(body["total"]) != Decimal(basket.total):
            visit.surprise(Kind.PAY, f"paid {body['total']} for a hold of {basket.total}")
        for booking_id, payment in paid.items():
            seat = (basket.schedule_id, basket.seat_numbers.get(booking_id, "?"))
            visit.board.receipts.append(
                Receipt(
                    visit.name, payment["payment_id"], booking_id, seat, payment["payment_amount"]
                )
            )
        visit.board.seats_paid += len(paid)

    async def _read(self, kind: Kind, path: str) -> dict[str, Any]:
        answer = await self._visit.ask(
            kind,
            "GET",
            self._api + path,
            token=self._place.token,
            accept=frozenset({NO_LONGER_ACTIVE}),
        )
        self._place.passed(answer)
        if answer.code:
            raise PlaceLost
        body: dict[str, Any] = answer.body
        return body

    async def _left(self, outcome: Outcome) -> Ended:
        """Give the slot back and go."""
        await self._place.leave()
        return Ended(outcome)


async def charge(visit: Visit, api: str, amount: str) -> None:
    """Top up the visitor's own balance (the demo's direct charge)."""
    await visit.ask(
        Kind.CHARGE, "POST", f"{api}/users/me/charges", key=new_key(), body={"amount": amount}
    )
