"""The room as everybody may see it, looked at while the rush lasts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from random import Random

from onsale.rush.client import Client, Unexpected, Unreachable
from onsale.rush.oracle import Oracle
from onsale.rush.record import Kind

LOOK_EVERY_S = 1.0  # the public state is kept that long on its way
WHO = "onlooker"


@asynccontextmanager
async def watched(url: str, client: Client, oracle: Oracle) -> AsyncIterator[None]:
    """Tell the oracle the room's public state until the block ends."""
    task = asyncio.create_task(_watch(url, client, oracle))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _watch(url: str, client: Client, oracle: Oracle) -> None:
    dice = Random()  # noqa: S311 -- jitter between retries
    while True:
        try:
            answer = await client.ask(Kind.ROOM, "GET", url, who=WHO, dice=dice, headers={})
            oracle.see_room(answer.received, answer.body)
        except (Unexpected, Unreachable):  # in the record; the sale goes on without an onlooker
            pass
        await asyncio.sleep(LOOK_EVERY_S)
