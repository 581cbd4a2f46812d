"""Telling the shop what happened: signed, again and again until it says that it knows."""

import asyncio
from contextlib import suppress
from time import time
from typing import Self

import aiohttp

from local_provider.settings import MOST_ATTEMPTS, Settings
from local_provider.till import Event, Till
from shared.logs import logger
from shared.loops import end
from shared.stamps import stamp

BATCH = 20
PAUSE_S = 0.5
DEADLINE_S = 5.0
MOST_BACKOFF_S = 60.0

log = logger(__name__)


class Events:
    """Delivers the events of a till while it is open."""

    def __init__(self, till: Till, settings: Settings):
        self._till = till
        self._settings = settings
        self._woken = asyncio.Event()

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=DEADLINE_S)
        self._session = aiohttp.ClientSession(timeout=timeout)
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        await end(self._task)
        await self._session.close()

    def wake(self) -> None:
        """There may be something to tell."""
        self._woken.set()

    async def _run(self) -> None:
        while True:
            try:
                self._till.collect(time())
                due = self._till.due(time(), BATCH) if self._settings.events_url else []
                await asyncio.gather(*(self._deliver(event) for event in due))
            except Exception as error:  # noqa: BLE001 -- whatever the receiver does
                log.warning("events_failing", error=type(error).__name__)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), PAUSE_S)
            self._woken.clear()

    async def _deliver(self, event: Event) -> None:
        status = 0
        with suppress(aiohttp.ClientError, OSError, TimeoutError):
            signed = stamp(self._settings.secrets, event.body, int(time()))
            async with self._session.post(
                str(self._settings.events_url),
                data=event.body,
                headers={"Content-Type": "application/json", "Provider-Signature": signed},
                allow_redirects=False,
            ) as answer:
                status = answer.status
        if 200 <= status < 300:
            self._till.delivered(event)
        elif event.attempts + 1 >= MOST_ATTEMPTS:
            self._till.put_off(event, None)
        else:
            pause_s = min(MOST_BACKOFF_S, 0.5 * 2.0 ** min(event.attempts, 10))
            self._till.put_off(event, time() + pause_s)
