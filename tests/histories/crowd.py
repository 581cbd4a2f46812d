"""Clients that get into each other's way."""

from tests.histories.client import Show
from tests.histories.recorder import Hold
from tests.histories.waiter import Waiter

__all__ = ["Show", "Visitor"]


class Visitor(Waiter):
    """A client who never does one thing after the other alone."""

    async def come(self) -> None:
        """Charge, join, and visit until all dates are over."""
        body = {"amount": "1000000.00"}
        await self.booking_api("charge", "POST", "/v1/users/me/charges", body, key=self.key())
        await self.join()
        bought: list[Hold] = []
        while (schedule := self.show.schedule) is not None:
            bought = [hold for hold in bought if hold.seat[0] == schedule]
            if bought and self.dice.random() < (0.3 if schedule in self.show.sought else 0.5):
                await self._give_back(bought.pop())
            bought += await self._visit(schedule)

    async def watch(self) -> None:
        """Join, and look at the seat map of the date on sale until all are over."""
        await self.join()
        while (schedule := self.show.schedule) is not None:
            await self.look(schedule)

    async def _visit(self, schedule: int) -> list[Hold]:
        """Hold, and do something with it; what is bought by then."""
        if self.dice.random() < 0.06:
            await self.look(schedule)
        sought = schedule in self.show.sought
        if self.dice.random() < (0.4 if sought else 0.1):
            holds = await self.hold_best(schedule, self.dice.randint(1, 3))
        else:
            holds = await self.hold(schedule, self._wanted())
        if not holds and sought:
            holds = await self.hold_best(schedule, 1)
            if not holds and self.dice.random() < 0.5:
                return await self.wait(schedule)
        if not holds:
            return []
        fate = self.dice.random()
        if sought and self.dice.random() < 0.6:
            return await self.dice.choice((self.pay, self.collect))(holds)
        if fate < 0.52:
            await self.together(*(self.cancel(hold) for hold in holds))
            if self.dice.random() < 0.1:
                await self.look(schedule)
        elif fate < 0.60:
            return await self.pay(holds)
        elif fate < 0.68:
            return await self.collect(holds[:2])
        elif fate < 0.73:  # changes their mind, twice at once
            paid, *_ = await self.together(
                self.pay(holds), *(self.cancel(hold) for hold in holds), self.pay(holds[:1])
            )
            return list(paid)
        elif fate < 0.79:
            return await self._extended(holds)
        elif fate < 0.82:  # in the last moment, or right after it
            await self.until(holds[0].until + self.dice.uniform(-0.03, 0.02))
            return await self.pay(holds)
        elif fate < 0.86:
            await self.until(holds[0].until + self.dice.uniform(-0.02, 0.05))
            await self.together(self.look_up(holds[0]), self.cancel(holds[0]))
        elif fate < 0.92:
            await self.look_up(self.dice.choice(holds))
            await self.together(*(self.cancel(hold) for hold in holds))
        return []  # The rest forget about their seats.

    async def _extended(self, holds: list[Hold]) -> list[Hold]:
        """Ask for more time, perhaps too late, perhaps twice; then pay at one of the deadlines."""
        first, *others = holds
        if self.dice.random() < 0.3:
            await self.until(first.until + self.dice.uniform(-0.03, 0.02))
        longer, *_ = await self.together(self.extend(first), *(self.extend(h) for h in others))
        if self.dice.random() < 0.3:
            await self.together(self.extend(longer), self.look_up(longer))
        if self.dice.random() < 0.3:
            at = self.dice.choice((first.until, longer.until))
            await self.until(at + self.dice.uniform(-0.03, 0.02))
        return await self.pay([longer])

    async def _give_back(self, hold: Hold) -> None:
        """What was bought, in one way or in several at once."""
        ways = [self.give_back, self.cancel, self.look_up]
        self.dice.shuffle(ways)
        await self.together(*(way(hold) for way in ways[: self.dice.choice((1, 1, 3))]))

    def _wanted(self) -> list[str]:
        """One to four seats side by side; the first rows are wanted most."""
        count = self.dice.randint(1, 4)
        most = len(self.show.seats) - count
        first = min(int(self.dice.expovariate(1.5 / len(self.show.seats))), most)
        wanted = self.show.seats[first : first + count]
        self.dice.shuffle(wanted)
        return wanted
