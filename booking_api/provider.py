"""The port to a payment provider: create a payment, ask what became of it, give its money back; and
its events, which it signs.

One shape of it over HTTP, under one address, with a key:

    POST /intents       {"amount": "120.00", "currency": "USD", "metadata": {"intent": our key}}
    GET  /intents/{id}
    POST /refunds       {"intent": id}, of all that was collected

Both POSTs carry an Idempotency-Key, so that asking again does no second time what was done. An
answer about an intent is `{"id", "amount", "currency", "status", "client_secret", "metadata"}`, and
so is the `data` of an event `{"id", "type": "intent.<status>", "created_at", "data"}`.
"""

import asyncio
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any, Protocol

import aiohttp
import msgspec
from msgspec import Meta, Struct

from booking_api.money import AMOUNT
from shared.errors import Unavailable

#: Of the provider's answer to one request, with the wait for one of few connections.
DEADLINE_S = 5.0
CONNECTIONS = 16
MOST_BYTES = 64 * 1024

SIGNATURE = "Provider-Signature"

Name = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[!-~]*\Z")]


class ProviderUnavailable(Unavailable):
    """The payment provider does not answer right now; ask again with the same Idempotency-Key."""


class Intent(Struct):
    """What the provider says of a payment. `status`: requires_payment, processing, succeeded,
    declined, expired, refunded."""

    id: Name
    amount: str
    currency: Name
    status: Name
    client_secret: str | None = None
    metadata: dict[str, str] = {}

    @property
    def collected(self) -> Decimal | None:
        """Its amount as money; None when it is nothing of the kind."""
        found = AMOUNT.fullmatch(self.amount)
        return None if found is None else Decimal(self.amount)


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """Where the provider is, what opens it, and what its events are signed with.

    `name`: under which its payments are kept; another one's are none of its business.
    """

    name: str
    url: str
    key: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)


class Provider(Protocol):
    """Whoever collects money. All raise ProviderUnavailable when it is not known what was done."""

    async def create(self, key: str, amount: str, currency: str) -> Intent:
        """Ask for a payment under our own key for it; repeating it gives the same one."""

    async def state(self, reference: str) -> Intent:
        """What became of a payment."""

    async def refund(self, key: str, reference: str) -> None:
        """Give back all that was collected; repeating it gives nothing twice."""


class HttpProvider:
    """A provider under a configured address; nothing that it answers leads anywhere else."""

    def __init__(self, settings: ProviderSettings, session: aiohttp.ClientSession):
        self._url = settings.url.rstrip("/")
        self._credentials = {"Authorization": f"Bearer {settings.key}"}
        self._session = session

    async def create(self, key: str, amount: str, currency: str) -> Intent:
        metadata = {"intent": key}
        body = {"amount": amount, "currency": currency, "metadata": metadata}
        return _intent(await self._ask("POST", "/intents", body, f"intent-{key}"))

    async def state(self, reference: str) -> Intent:
        return _intent(await self._ask("GET", f"/intents/{reference}"))

    async def refund(self, key: str, reference: str) -> None:
        await self._ask("POST", "/refunds", {"intent": reference}, f"refund-{key}")

    async def _ask(
        self, method: str, path: str, body: Any = None, idempotency_key: str | None = None
    ) -> bytes:
        headers = dict(self._credentials)
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        try:
            async with (
                asyncio.timeout(DEADLINE_S),
                self._session.request(
                    method, self._url + path, json=body, headers=headers, allow_redirects=False
                ) as answer,
            ):
                raw = await _read(answer)
                status = answer.status
        except (aiohttp.ClientError, OSError, TimeoutError):
            raise ProviderUnavailable from None
        if status not in {200, 201}:
            raise ProviderUnavailable
        return raw


def session() -> aiohttp.ClientSession:
    """Connections to a provider: a bounded number of them, and no cookies kept."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CONNECTIONS),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
    )


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    raw = bytearray()
    async for part in answer.content.iter_any():
        raw += part
        if len(raw) > MOST_BYTES:
            raise ProviderUnavailable
    return bytes(raw)


def _intent(raw: bytes) -> Intent:
    try:
        return msgspec.json.decode(raw, type=Intent)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ProviderUnavailable from None
