"""HTTP as a patient client speaks it: deadlines, bounded retries with the same key, a record."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from random import Random
from time import monotonic
from typing import Any

import aiohttp
import orjson

from onsale.rush.record import LOST, REFUSED, TIMEOUT, Kind, Record

REQUEST_DEADLINE_S = 10.0
# Visitors of one process share connections, never cookies. So many keep a service busy; more
# would only queue inside it until they ran into their deadlines. Who finds none free waits for one,
# which is recorded apart from the latencies.
CONNECTIONS_PER_HOST = 64
RETRYABLE = frozenset({429, 503})
PROBLEM = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer. `attempts` counts the requests it took; `body` is None when empty.

    `sent`: when the first attempt was, `received`: when this answer was there, seconds of the
    machine's steady clock. Some attempt's work was done in between, this answer's or an earlier's.
    """

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    attempts: int = 1
    sent: float = 0.0
    received: float = 0.0

    @property
    def code(self) -> str:
        """The problem's stable code; "" for a success or an answer without one."""
        if self.status < 400 or not isinstance(self.body, dict):
            return ""
        return str(self.body.get("code", ""))


class Unreachable(Exception):
    """No answer after all attempts, so what the request did is unknown."""


class Unexpected(Exception):
    """An answer the caller cannot go on with; it stands in the record."""


@dataclass(frozen=True, slots=True)
class Retry:
    """When to ask again: exponential pauses with full jitter, never before Retry-After."""

    attempts: int = 20
    first_s: float = 0.1
    longest_s: float = 2.0

    def pause_s(self, attempt: int, retry_after_s: float | None, dice: Random) -> float:
        """Seconds to wait after the `attempt`th failure, counted from 1."""
        # The jitter comes on top of Retry-After: all the refused must not return in one moment.
        ceiling = min(self.longest_s, self.first_s * 2 ** (attempt - 1))
        return (retry_after_s or 0.0) + dice.uniform(ceiling / 10, ceiling)


class Client:
    """Sends requests for many visitors and records each attempt."""

    def __init__(
        self, session: aiohttp.ClientSession, record: Record, retry: Retry | None = None
    ) -> None:
        self.record = record
        self._session = session
        self._retry = retry or Retry()
        self._gates: defaultdict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(CONNECTIONS_PER_HOST)
        )

    async def ask(
        self,
        kind: Kind,
        method: str,
        url: str,
        *,
        who: str,
        dice: Random,
        headers: Mapping[str, str],
        body: object = None,
        accept: frozenset[str] = frozenset(),
        patience_s: float = 60.0,
    ) -> Answer:
        """Ask until there is an answer: a success, or a problem whose code is in `accept`.

        Refused and lost connections, deadlines, 429, 503 and `request_in_progress` are asked
        again with the same headers, so with the same Idempotency-Key, for `patience_s` at most.
        Raises Unreachable when that did not help, Unexpected for any other answer.
        """
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + patience_s
        sent_first = 0.0
        data = orjson.dumps(body) if body is not None else None
        sent = dict(headers)
        if data is not None:
            sent["Content-Type"] = "application/json"
        for attempt in range(1, self._retry.attempts + 1):
            answer, failure, sent_at = await self._try(kind, method, url, sent, data)
            sent_first = sent_first or sent_at
            if answer and not _retryable(answer):
                self._judge(answer, kind, who, accept)
                return replace(answer, attempts=attempt, sent=sent_first)
            if answer:
                failure = f"{answer.status} {answer.code}"
                self._check_refusal(answer, kind, who)
            pause = self._retry.pause_s(attempt, _retry_after_s(answer), dice)
            if loop.time() + pause >= ends_at:
                break
            await asyncio.sleep(pause)
        raise Unreachable(f"{kind}: {failure} after {attempt} attempts")

    async def _try(
        self, kind: Kind, method: str, url: str, headers: Mapping[str, str], data: bytes | None
    ) -> tuple[Answer | None, str, float]:
        """One request: its answer, or None and how it failed; and when it was sent."""
        began = monotonic()
        async with self._gates[url.split("/", 3)[2]]:
            self.record.queued_ms.append((monotonic() - began) * 1000)
            sent_at = monotonic()
            return *await self._send(kind, method, url, headers, data), sent_at

    async def _send(
        self, kind: Kind, method: str, url: str, headers: Mapping[str, str], data: bytes | None
    ) -> tuple[Answer | None, str]:
        started = monotonic()
        answer: Answer | None = None
        status = LOST
        try:
            async with self._session.request(method, url, headers=headers, data=data) as response:
                raw = await response.read()
            received = monotonic()
            answer = Answer(response.status, _parsed(raw), response.headers, received=received)
            status = str(answer.status)
        except TimeoutError:
            status = TIMEOUT
        except aiohttp.ClientConnectorError:
            status = REFUSED
        except aiohttp.ClientError:
            status = LOST
        self.record.request(kind, status, (monotonic() - started) * 1000)
        return answer, status

    def _judge(self, answer: Answer, kind: Kind, who: str, accept: frozenset[str]) -> None:
        if answer.status < 400:
            return
        self._check_problem(answer, kind, who)
        if answer.code in accept:
            return
        what = f"unexpected {answer.status} {answer.code or _excerpt(answer.body)}"
        self.record.surprise(who, kind, what)
        raise Unexpected(what)

    def _check_refusal(self, answer: Answer, kind: Kind, who: str) -> None:
        self._check_problem(answer, kind, who)
        if answer.status in RETRYABLE and _retry_after_s(answer) is None:
            self.record.surprise(who, kind, f"{answer.status} without a Retry-After in seconds")

    def _check_problem(self, answer: Answer, kind: Kind, who: str) -> None:
        content_type = answer.headers.get("Content-Type", "")
        if not answer.code or not content_type.startswith(PROBLEM):
            self.record.surprise(
                who,
                kind,
                f"{answer.status} is not a problem document ({content_type or 'no type'})",
            )


@asynccontextmanager
async def open_client(record: Record, *, retry: Retry | None = None) -> AsyncIterator[Client]:
    """A client with a connection pool of its own and no cookies."""
    connector = aiohttp.TCPConnector(limit=0, limit_per_host=0)
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=REQUEST_DEADLINE_S),
        # The crowd shares the machine with the services: no time spent on packing.
        headers={"Accept-Encoding": "identity", "User-Agent": "onsale-rush"},
    ) as session:
        yield Client(session, record, retry)


def _retryable(answer: Answer) -> bool:
    return answer.status in RETRYABLE or answer.code == "request_in_progress"


def _retry_after_s(answer: Answer | None) -> float | None:
    """Retry-After in its form of seconds (RFC 9110, section 10.2.3); None without one."""
    value = answer.headers.get("Retry-After", "") if answer else ""
    return float(value) if value.isdecimal() else None


def _parsed(raw: bytes) -> Any:
    if not raw:
        return None
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return raw[:200].decode(errors="replace")


def _excerpt(body: object) -> str:
    return str(body)[:200]
