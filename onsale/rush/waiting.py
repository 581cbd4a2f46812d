"""In the line: join, poll as told, reload, open a second tab, leave."""

import asyncio
from typing import Any

from onsale.rush.client import Answer
from onsale.rush.crowd import Fate
from onsale.rush.record import Kind, Outcome
from onsale.rush.sale import Sale
from onsale.rush.sightings import Sighting, Token, malformed
from onsale.rush.visit import Ended, Stage, Visit

COMPLETED_WITHIN_S = 5.0  # a token may complete after the payment's answer, but not much later


class Place:
    """One visitor's place in the line of one room."""

    def __init__(self, visit: Visit, sale: Sale) -> None:
        self._visit = visit
        self._url = f"{sale.gateway_url}/v1/rooms/{sale.room_id}/token"
        self._token: Token | None = None

    @property
    def token(self) -> str:
        """The queue token as sent; only after `wait`."""
        return self._held.raw

    @property
    def _held(self) -> Token:
        assert self._token is not None  # noqa: S101 -- a caller's mistake, not the service's
        return self._token

    def take_over(self, token: Token) -> None:
        """Go on with a place that was taken otherwise."""
        self._token = token

    def passed(self, answer: Answer) -> None:
        """Take note of an answer from behind the booking API's gate for ACTIVE tokens."""
        self._visit.saw(Sighting.at_the_gate(self._visit.persona.index, self._held, answer))

    async def wait(self, *, first: bool) -> bool:
        """Join and wait to be admitted; False when the place was lost.

        Raises Ended for those who leave, vanish, or run out of patience, and for a closed room.
        """
        visit, persona = self._visit, self._visit.persona
        visit.enter(Stage.WAITING)
        joined_at = visit.now()
        reloads = persona.reloads if first else 0
        stays_for = visit.dice.randint(1, 3)  # polls of those who will not stay
        tab: asyncio.Task[None] | None = None
        if first and persona.second_tab:
            place, second = await self._join_twice()
            tab = asyncio.create_task(self._watch_from_second_tab(second))
        else:
            place = await self._join()
        try:
            while place["status"] == "WAIT":
                if persona.fate in (Fate.LEAVE_THE_LINE, Fate.VANISH_IN_THE_LINE):
                    stays_for -= 1
                    if stays_for < 0:
                        await self._go_away(persona.fate)
                await visit.sleep(place["poll_after_ms"] / 1000)
                if visit.patience_s() <= 0:
                    await self.leave()
                    raise Ended(Outcome.GAVE_UP_WAITING)
                if reloads:
                    reloads -= 1
                    visit.record.events["reloads"] += 1
                    place = await self._join()
                else:
                    place = await self._poll(self._held)
        finally:
            if tab:
                tab.cancel()
                await asyncio.gather(tab, return_exceptions=True)
        if place["status"] == "EXPIRED":
            visit.record.events[f"place ended: {place.get('reason')}"] += 1
            return False
        visit.record.waits_s.append(visit.now() - joined_at)
        return True

    async def leave(self) -> None:
        """DELETE the place; it and its slot are free at once."""
        await self._visit.ask(Kind.LEAVE, "DELETE", self._url, token=self.token)

    async def expect_completed(self) -> None:
        """After the payment: the token must end as completed, soon."""
        visit = self._visit
        ends_at = visit.now() + COMPLETED_WITHIN_S
        while True:
            place = await self._poll(self._held)
            if place["status"] == "EXPIRED":
                if place.get("reason") != "completed":
                    visit.surprise(Kind.POLL, f"paid, but ended as {place.get('reason')!r}")
                return
            if visit.now() >= ends_at:
                visit.surprise(Kind.POLL, f"still {place['status']} {COMPLETED_WITHIN_S:.0f} s on")
                return
            await asyncio.sleep(0.25)

    async def _go_away(self, fate: Fate) -> None:
        if fate is Fate.VANISH_IN_THE_LINE:
            raise Ended(Outcome.VANISHED_IN_THE_LINE)
        await self.leave()
        raise Ended(Outcome.LEFT_THE_LINE)

    async def _join(self) -> dict[str, Any]:
        """POST the token: the first place, or the one this visitor already holds."""
        answer = await self._post()
        before, self._token = self._token, Token.read(answer.body["token"])
        place = self._read(self._token, answer, joined=True)
        if before and before.jti != self._token.jti:
            await self._poll(before)  # another place is right only if the earlier one has ended
        return place

    async def _join_twice(self) -> tuple[dict[str, Any], Token]:
        """Both tabs join in the same moment; (the first one's place, the second one's token)."""
        answers = await asyncio.gather(self._post(), self._post())
        self._visit.record.events["second tabs"] += 1
        tokens = [Token.read(answer.body["token"]) for answer in answers]
        places = [
            self._read(token, answer, joined=True)
            for token, answer in zip(tokens, answers, strict=True)
        ]
        self._token = tokens[0]
        return places[0], tokens[1]

    async def _watch_from_second_tab(self, token: Token) -> None:
        """Poll beside the first tab until it is closed."""
        while True:
            place = await self._poll(token)
            if place["status"] != "WAIT":
                return
            await asyncio.sleep(place["poll_after_ms"] / 1000)

    async def _post(self) -> Answer:
        answer = await self._visit.ask(
            Kind.JOIN, "POST", self._url, accept=frozenset({"room_closed"})
        )
        if answer.code == "room_closed":
            raise Ended(Outcome.ROOM_CLOSED)
        return answer

    async def _poll(self, token: Token) -> dict[str, Any]:
        answer = await self._visit.ask(Kind.POLL, "GET", self._url, token=token.raw)
        return self._read(token, answer)

    def _read(self, token: Token, answer: Answer, *, joined: bool = False) -> dict[str, Any]:
        """The token object, noted for the oracle; what is wrong in itself is a surprise."""
        place: dict[str, Any] = answer.body
        wrong = malformed(place, token)
        for what in wrong:
            self._visit.surprise(Kind.JOIN if joined else Kind.POLL, what)
        if not wrong:
            index = self._visit.persona.index
            self._visit.saw(Sighting.of(index, token, answer, joined=joined))
        return place
