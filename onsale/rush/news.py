"""What a client process tells the rush while it works."""

import asyncio
import time

from onsale.rush.messages import News, send
from onsale.rush.record import Record
from onsale.rush.visit import Board

NEWS_EVERY_S = 0.25


async def tell(
    writer: asyncio.StreamWriter, board: Board, record: Record, lateness_ms: list[float]
) -> None:
    """News, until cancelled; and how late the loop is, which shows when it has too much to do."""
    while True:
        due = time.monotonic() + NEWS_EVERY_S
        await asyncio.sleep(NEWS_EVERY_S)
        lateness_ms.append(max(0.0, time.monotonic() - due) * 1000)
        send(writer, news(board, record))


def news(board: Board, record: Record) -> News:
    """What is new since the last time."""
    sightings, board.sightings = board.sightings, []
    receipts, board.receipts = board.receipts, []
    return News(
        stages=dict(board.stages),
        outcomes=dict(board.outcomes),
        seats_paid=board.seats_paid,
        requests=record.total_requests,
        surprises=record.surprise_count,
        first_surprise=str(record.surprises[0]) if record.surprises else "",
        sightings=sightings,
        receipts=receipts,
    )
