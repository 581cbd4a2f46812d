"""A client process of a rush: `python -m onsale.rush.worker <descriptor of its socket>`.

Its share of the crowd lives on one event loop. What it sees goes to the rush a few times a second.
"""

import asyncio
import socket
import sys
import time
from collections.abc import Sequence

import uvloop

from onsale.rush.client import open_client
from onsale.rush.crowd import draw
from onsale.rush.files import allow_open_files
from onsale.rush.messages import Begin, Done, Ready, Task, receive, send
from onsale.rush.news import news, tell
from onsale.rush.record import Record
from onsale.rush.sale import Sale
from onsale.rush.scale.client import take_part
from onsale.rush.scale.parts import Part
from onsale.rush.visit import Board, Visit
from onsale.rush.visitor import come, prepare

#: Accounts made at the same time: enough to keep the services busy, too few to wait long.
SIGN_UPS_AT_ONCE = 16


async def work(channel: socket.socket) -> None:
    """Do the task that comes over the channel; ends early when nobody listens any more."""
    reader, writer = await asyncio.open_unix_connection(sock=channel)
    task = await receive(reader)
    if isinstance(task, Part):
        await take_part(task, reader, writer)
    if not isinstance(task, Task):
        return
    record, board = Record(), Board()
    lateness_ms: list[float] = []
    async with open_client(record) as client:
        sale = Sale(task.gateway_url, task.booking_url, task.room_id, task.concert_id)
        share = range(task.part, task.visitors, task.parts)
        allow_open_files(2 * len(share))
        crowd = draw(share, visitors=task.visitors, patience_s=task.patience_s, seed=task.seed)
        visits = [
            Visit(persona, client, board, f"{task.run_name}-{persona.index}") for persona in crowd
        ]
        telling = asyncio.create_task(tell(writer, board, record, lateness_ms))
        try:
            prepared = await _prepare(visits, sale)
            send(writer, news(board, record))
            send(writer, Ready())
            begin = await receive(reader)
            if not isinstance(begin, Begin):
                return
            await asyncio.sleep(begin.at - time.monotonic())
            lateness_ms.clear()
            cpu_before_s = time.process_time()
            async with asyncio.TaskGroup() as living:
                for visit in prepared:
                    living.create_task(come(visit, sale))
            cpu_s = time.process_time() - cpu_before_s
        finally:
            telling.cancel()
    send(writer, news(board, record))
    send(writer, Done(record, cpu_s, lateness_ms))
    writer.close()
    await writer.wait_closed()


async def _prepare(visits: Sequence[Visit], sale: Sale) -> list[Visit]:
    """Sign all up, some at a time; those who got through."""
    gate = asyncio.Semaphore(SIGN_UPS_AT_ONCE)

    async def one(visit: Visit) -> Visit | None:
        async with gate:
            return visit if await prepare(visit, sale) else None

    return [visit for visit in await asyncio.gather(*map(one, visits)) if visit]


def main() -> None:
    with socket.socket(fileno=int(sys.argv[1])) as channel:
        uvloop.run(work(channel))


if __name__ == "__main__":
    main()
