"""The loops of every booking process: each outlives whatever its stores do."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

from aiohttp import web

from booking_api import cancellations, completions, intents, sweep, webhooks
from booking_api.availability import AVAILABILITY
from booking_api.cancellations import CANCELLATIONS
from booking_api.completions import COMPLETIONS
from booking_api.database import SALE
from booking_api.intents import INTENTS
from booking_api.waitlist import WAITLIST
from booking_api.webhooks import RECEIVER, Deliveries
from shared.logs import logger
from shared.loops import end

log = logger(__name__)


async def background(app: web.Application) -> AsyncIterator[None]:
    """Sweep and retry while the app runs."""
    sale, telling, counting = app[SALE], app[COMPLETIONS], app[AVAILABILITY]
    tasks = [
        asyncio.create_task(_forever("sweep", lambda: sweep.sweep(sale), sweep.PAUSE_S)),
        asyncio.create_task(_forever("waitlist", app[WAITLIST].offer, sweep.PAUSE_S)),
        asyncio.create_task(
            _forever("cancellations", app[CANCELLATIONS].work, cancellations.PAUSE_S)
        ),
        asyncio.create_task(_forever("completions", telling.retry, completions.PAUSE_S)),
        asyncio.create_task(
            _forever("events", lambda: webhooks.sweep(sale), webhooks.SWEEP_PAUSE_S)
        ),
        asyncio.create_task(counting.run()),
    ]
    paying, receiver = app.get(INTENTS), app.get(RECEIVER)
    if paying is not None:
        tasks.append(asyncio.create_task(_forever("intents", paying.work, intents.PAUSE_S)))
    async with AsyncExitStack() as stack:
        if receiver is not None:
            deliveries = await stack.enter_async_context(Deliveries.over(sale, receiver))
            tasks.append(
                asyncio.create_task(_forever("webhooks", deliveries.work, webhooks.PAUSE_S))
            )
        yield
        await end(*tasks)
    await counting.stop()


async def _forever(name: str, step: Callable[[], Awaitable[Any]], pause_s: float) -> None:
    failing = False
    while True:
        try:
            await step()
            failing = False
        except Exception as error:  # noqa: BLE001 -- whatever a store does, the loop lives
            if not failing:
                log.warning("loop_failing", loop=name, error=type(error).__name__)
            failing = True
        await asyncio.sleep(pause_s)
