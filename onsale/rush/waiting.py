"""In the line: join, poll as told, reload, open a second tab, leave."""

import asyncio
from typing import Any

from onsale.rush.crowd import Fate
from onsale.rush.record import Kind, Outcome
from onsale.rush.sale import Sale
from onsale.rush.visit import Ended, Stage, Visit
from onsale.rush.witness import FRESH, Token, Witness

COMPLETED_WITHIN_S = 5.0  # a token may complete after the payment's answer, but not much later


class Place:
    """One visitor's place in the line of one room."""

    def __init__(self, visit: Visit, sale: Sale) -> None:
        self._visit = visit
        self._url = f"{sale.gateway_url}/v1/rooms/{sale.room_id}/token"
        self._line = sale.line
        self._witness: Witness | None = None

    @property
    def token(self) -> str:
        """The queue token as sent; only after `wait`."""
        assert self._witness is not None  # noqa: S101 -- a caller's mistake, not the service's
        return self._witness.token.raw

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
            place = await self._join_twice()
            tab = asyncio.create_task(self._watch_from_second_tab())
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
                    place = await self._poll()
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
            place = await self._poll()
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
        known = self._witness.ask() if self._witness else FRESH
        answer = await self._visit.ask(
            Kind.JOIN, "POST", self._url, accept=frozenset({"room_closed"})
        )
        if answer.code == "room_closed":
            raise Ended(Outcome.ROOM_CLOSED)
        place: dict[str, Any] = answer.body
        token = Token.read(place["token"])
        before = self._witness
        if before is None or (before.token.jti != token.jti and await self._is_over(before, token)):
            self._witness = before = Witness(token, self._line)
            known = FRESH
        elif answer.status == 201 and before.token.jti == token.jti and answer.attempts == 1:
            self._visit.surprise(Kind.JOIN, f"201 for the place {token.jti} held before (O4)")
        self._say(Kind.JOIN, before.hear(place, known))
        return place

    async def _join_twice(self) -> dict[str, Any]:
        """Both tabs join in the same moment: one visitor, one place, one 201."""
        visit = self._visit
        answers = await asyncio.gather(
            *(
                visit.ask(Kind.JOIN, "POST", self._url, accept=frozenset({"room_closed"}))
                for _ in range(2)
            )
        )
        if any(answer.code == "room_closed" for answer in answers):
            raise Ended(Outcome.ROOM_CLOSED)
        tokens = [Token.read(answer.body["token"]) for answer in answers]
        self._witness = Witness(tokens[0], self._line)
        if tokens[0].jti != tokens[1].jti:
            visit.surprise(Kind.JOIN, f"two tabs, {tokens[0].jti} and {tokens[1].jti} (O4)")
        if [answer.status for answer in answers].count(201) > 1:
            visit.surprise(Kind.JOIN, f"two tabs, two 201 for {tokens[0].jti} (O4)")
        visit.record.events["second tabs"] += 1
        place: dict[str, Any] = answers[0].body
        self._say(Kind.JOIN, self._witness.hear(place, FRESH))
        return place

    async def _watch_from_second_tab(self) -> None:
        """Poll beside the first tab until it is closed."""
        while True:
            place = await self._poll()
            if place["status"] != "WAIT":
                return
            await asyncio.sleep(place["poll_after_ms"] / 1000)

    async def _poll(self) -> dict[str, Any]:
        witness = self._witness
        assert witness is not None  # noqa: S101
        known = witness.ask()
        answer = await self._visit.ask(Kind.POLL, "GET", self._url, token=witness.token.raw)
        self._say(Kind.POLL, witness.hear(answer.body, known))
        place: dict[str, Any] = answer.body
        return place

    async def _is_over(self, before: Witness, token: Token) -> bool:
        """Another place after a reload is right only if the earlier one has ended."""
        answer = await self._visit.ask(Kind.POLL, "GET", self._url, token=before.token.raw)
        if answer.body["status"] != "EXPIRED":
            self._visit.surprise(
                Kind.JOIN, f"{token.jti} after a reload, while {before.token.jti} lives (O4)"
            )
        return True

    def _say(self, kind: Kind, wrong: list[str]) -> None:
        for what in wrong:
            self._visit.surprise(kind, what)
