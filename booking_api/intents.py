"""Paying through a provider: asking it to collect, hearing what became of it, and giving back what
came too late.

Nothing is known by a lucky order of messages. The intent is written before the provider hears of
it, its end is heard from its event or asked for until it is known, and both go through one
statement that judges under the locks of the seats. Money that buys nothing is given back by the
provider, asked until it has done so; it never touches a balance.
"""

import asyncio
from datetime import datetime
from uuid import UUID

import asyncpg
import orjson
from aiohttp import web

from booking_api.completions import Completions
from booking_api.database import Answer, Sale
from booking_api.idempotency import Once
from booking_api.money import Currency
from booking_api.provider import Intent, Provider, ProviderUnavailable
from shared.errors import NotFound
from shared.logs import logger
from shared.tokens import Place

#: Of one visitor in an hour, not paid: each is a request to the provider.
MOST_UNPAID = 30
PAUSE_S = 1.0
BATCH = 20

#: What a provider's state changes; the others mean that it is still going on.
_ENDS = frozenset({"succeeded", "declined", "expired", "refunded"})

log = logger(__name__)


class Intents:
    """Payments through one provider, of all visitors."""

    def __init__(
        self,
        sale: Sale,
        currency: Currency,
        completions: Completions,
        provider: Provider,
        name: str,
    ):
        self._sale = sale
        self._currency = currency
        self._completions = completions
        self._provider = provider
        self._name = name

    async def create(
        self, place: Place, booking_ids: list[int], asked: Once
    ) -> tuple["asyncpg.Record", bool]:
        """Ask the provider to collect the price of held seats: the intent, and whether it was there
        before. Raises NotFound, BookingExpired, NotPayable, …; ProviderUnavailable when it does not
        answer: the same key goes on where this ended."""
        answer = await self._sale.decide(
            "create_intent",
            place.visitor,
            place.room_id,
            booking_ids,
            self._name,
            MOST_UNPAID,
            asked.path,
            asked.key,
            asked.fingerprint,
        )
        intent = await self.one(place.visitor, orjson.loads(answer.body)["payment_intent_id"])
        if intent["reference"] is None or intent["secret"] is None:
            intent = await self._ask_for(intent)
        return intent, answer.replayed

    async def one(self, visitor: str, intent_id: int) -> "asyncpg.Record":
        """An intent of the visitor. Raises NotFound."""
        found = await self._sale.row("intent", visitor, intent_id)
        if found is None:
            raise NotFound
        return found

    async def take(self, event_id: str, kind: str, happened_at: datetime, said: Intent) -> None:
        """An event of the provider: once, whatever comes again or in another order."""
        answer = await self._sale.decide(
            "take_event",
            self._name,
            event_id,
            kind,
            happened_at,
            _key(said),
            said.id,
            said.collected,
            said.currency,
            self._currency.code,
            self._currency.digits,
        )
        if answer.outcome == "unknown_intent":
            log.error("unknown_intent", event_id=event_id)
        await self._tell(answer)

    async def work(self) -> int:
        """Ask what became of intents, and have money given back, where it is due; how many were.
        Any number of processes may run it."""
        due = await self._sale.rows("due_intents", self._name, BATCH)
        done = await asyncio.gather(*(self._go_on(row) for row in due), return_exceptions=True)
        for outcome in done:
            if isinstance(outcome, Exception) and not isinstance(outcome, ProviderUnavailable):
                raise outcome
        return len(due)

    async def _go_on(self, row: "asyncpg.Record") -> None:
        if row["status"] == "refund_due":
            await self._provider.refund(str(row["key"]), row["reference"])
            await self._settle(row["payment_intent_id"], "refunded", row["reference"])
            return
        if row["reference"] is None:
            row = await self._ask_for(row)
        said = await self._provider.state(row["reference"])
        if said.status in _ENDS:
            await self._settle(row["payment_intent_id"], said.status, said.id, said)

    async def _settle(
        self, intent_id: int, status: str, reference: str, said: Intent | None = None
    ) -> None:
        answer = await self._sale.decide(
            "settle_intent",
            intent_id,
            status,
            reference,
            said.collected if said else None,
            said.currency if said else None,
            self._currency.code,
            self._currency.digits,
        )
        await self._tell(answer)

    async def _tell(self, answer: Answer) -> None:
        if answer.row["completed"]:
            await self._completions.tell(answer.row["visitor"], answer.row["completed"])

    async def _ask_for(self, intent: "asyncpg.Record") -> "asyncpg.Record":
        said = await self._provider.create(
            str(intent["key"]), self._currency.text(intent["amount"]), self._currency.code
        )
        (kept,) = await self._sale.rows(
            "keep_reference", intent["payment_intent_id"], said.id, said.client_secret
        )
        return kept


def _key(said: Intent) -> str | None:
    """Our own key of a payment, if the provider gives it back as a UUID."""
    try:
        return str(UUID(said.metadata.get("intent", "")))
    except ValueError:
        return None


INTENTS = web.AppKey("intents", Intents)
