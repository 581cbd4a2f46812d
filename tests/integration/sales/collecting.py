"""Steps of payments through a provider."""

from typing import Any

from booking_api.intents import INTENTS
from tests.integration.providing import Shop
from tests.integration.sales.paying import Paying
from tests.integration.sales.talking import PATIENCE, ROOMS, room_of
from tests.model.collecting import Intent
from tests.model.sale import Request

#: What the provider answers, and what it then says of the payment.
OUTCOMES = {"success": (200, "succeeded"), "decline": (402, "declined")}


class Collecting(Paying):
    """What is paid through the provider, whose events the steps deliver as they like."""

    shop: Shop

    async def collect(self, visitor: int, room: int, outcome: str) -> None:
        """All that the visitor holds in a room, paid at the provider's; nobody was told of it."""
        held = [
            booking.id
            for booking in self.sale.of(f"visitor-{visitor}")
            if booking.state == "PENDING" and booking.date.room == ROOMS[room]
        ]
        if held:
            await self._intend(self._asked(visitor, held, None), held, ROOMS[room])
            await self.confirm(0, outcome)

    async def intend(
        self, visitor: int, picks: list[int], own: bool, with_room: int, key: str | None
    ) -> None:
        """Some bookings, of the visitor's own or of all, are to be paid through the provider."""
        found = [booking for pick in picks if (booking := self.picked(visitor, pick, own))]
        ids = list(dict.fromkeys(booking.id for booking in found))
        if ids:
            room = room_of(found[0].date, with_room)
            await self._intend(self._asked(visitor, ids, key), ids, room)

    async def confirm(self, pick: int, outcome: str) -> None:
        """A visitor pays at the provider's, or tries to."""
        intent = self._intent(pick)
        if intent is not None and intent.collected in {"", "declined"}:
            shown = {"reference": intent.reference, "client_secret": intent.secret}
            status, intent.collected = OUTCOMES[outcome]
            assert await self.shop.confirm(shown, outcome) == status

    async def deliver(self, pick: int) -> None:
        """The provider tells of something, now or again, in any order."""
        events = self.shop.events()
        if events:
            event = events[-1 - pick % len(events)]
            (intent,) = [i for i in self.sale.intents if i.reference == event["data"]["id"]]
            self.sale.event(event["id"], event["type"].removeprefix("intent."), intent)
            reply = await self.shop.tell(event)
            for _ in range(PATIENCE):  # as a provider does
                if reply.status == 503:
                    reply = await self.shop.tell(event)
            assert reply.status == 204, reply.raw
            await self._known(intent)

    async def work(self, pick: int) -> None:
        """The booking API goes on with one intent: asks what became of it, gives money back."""
        intent = self._intent(pick)
        if intent is not None:
            self.sale.work(intent)
            for _ in range(PATIENCE):  # as the loop does
                await self.booking.pool.execute(
                    "UPDATE payment_intent SET next_attempt_at ="
                    " CASE WHEN payment_intent_id = $1 THEN now() - interval '1 ms'"
                    " ELSE now() + interval '1 day' END WHERE next_attempt_at IS NOT NULL",
                    intent.id,
                )
                await self.booking.app[INTENTS].work()
                if await self._status(intent) == intent.status:
                    break
            await self._known(intent)

    def _intent(self, pick: int) -> Intent | None:
        found = self.sale.intents
        return found[-1 - pick % len(found)] if found else None

    def _asked(self, visitor: int, ids: list[int], key: str | None) -> Request:
        body = {"concert_booking_ids": ids}
        return self.request(visitor, "/v1/payments/intents", body, key)

    async def _intend(self, request: Request, ids: list[int], room: str) -> None:
        self.sent(request, lambda again: self._intend(again, ids, room))
        expected = self.sale.intend(request, ids, room)
        reply = await self.post(request, room, expected)
        if expected.status == 201 and expected.replays is None:
            shown: Any = reply.body
            intent = self.sale.intents[-1]
            intent.id = shown["payment_intent_id"]
            intent.reference, intent.secret = shown["reference"], shown["client_secret"]

    async def _known(self, intent: Intent) -> None:
        """Its visitor reads what became of it, and Redis knows of a token's end."""
        assert await self._status(intent) == intent.status
        await self.told(intent.visitor, intent.bookings[0].date.room)

    async def _status(self, intent: Intent) -> str:
        visitor = self.visitors[intent.visitor][intent.bookings[0].date.room]
        shown = await self.read(f"/v1/payments/intents/{intent.id}", visitor)
        return str(shown["status"])
