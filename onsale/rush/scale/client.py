"""A client process's part in a rush at scale: its share of the sample, in line and inside."""

import asyncio
import time
from dataclasses import replace

from onsale.rush.client import Client, open_client
from onsale.rush.crowd import Fate, draw
from onsale.rush.files import allow_open_files
from onsale.rush.messages import Begin, Ready, receive, send
from onsale.rush.news import news, tell
from onsale.rush.record import Outcome, Record
from onsale.rush.sale import Sale
from onsale.rush.scale.line import Line, Waiter
from onsale.rush.scale.parts import Lived, Measure, Part
from onsale.rush.scale.wire import open_wire
from onsale.rush.shopping import Shopper, charge
from onsale.rush.visit import Board, Ended, PlaceLost, Stage, Visit
from onsale.rush.visitor import POCKET_MONEY, lived
from onsale.rush.waiting import Place

#: Inside, a visitor has so much time; shopping takes some seconds.
PATIENCE_S = 30.0
CHARGES_AT_ONCE = 16


async def take_part(part: Part, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Do as the rush says; ends early when nobody listens any more."""
    record, board, lateness_ms = Record(), Board(), list[float]()
    allow_open_files(2 * part.connections + 128)
    async with (
        open_client(record) as client,
        open_wire(part.gateway_url, part.connections) as wire,
    ):
        inside = Inside(part, client, board)
        line = Line(part, wire, record, board, inside.come_in)
        telling = asyncio.create_task(tell(writer, board, record, lateness_ms))
        try:
            send(writer, await line.join())
            await inside.prepare(line)
            send(writer, news(board, record))
            send(writer, Ready())
            while not isinstance(order := await receive(reader), Begin):
                if not isinstance(order, Measure):
                    return
                send(writer, await line.measure(order.seconds))
            await asyncio.sleep(order.at - time.monotonic())
            lateness_ms.clear()
            cpu_before_s = time.process_time()
            async with asyncio.TaskGroup() as inside.visits:
                etas = await line.live(order.at)
            cpu_s = time.process_time() - cpu_before_s
        finally:
            telling.cancel()
    send(writer, news(board, record))
    send(writer, Lived(record, line.tally.polls(etas.counts()), cpu_s, lateness_ms))
    writer.close()
    await writer.wait_closed()


class Inside:
    """Those who are let in: some buy, the others look at their token, and give the slot back."""

    visits: asyncio.TaskGroup

    def __init__(self, part: Part, client: Client, board: Board) -> None:
        self._part = part
        self._client = client
        self._board = board
        self._sale = Sale(part.gateway_url, part.booking_url, part.room_id, part.concert_id)
        self._buyers: dict[int, Visit] = {}

    async def prepare(self, line: Line) -> None:
        """Who comes to buy gets an account with money, before the doors open."""
        gate = asyncio.Semaphore(CHARGES_AT_ONCE)

        async def one(visit: Visit) -> None:
            async with gate:
                amount = f"{POCKET_MONEY * visit.persona.group}.00"
                await lived(visit, charge(visit, f"{self._sale.booking_url}/v1", amount))

        for waiter in line.waiters:
            if self._part.plan.is_buyer(waiter.token.number):
                visit = self._visit(waiter, Fate.BUY)
                visit.identity = line.identity(waiter.number)
                self._buyers[waiter.number] = visit
        await asyncio.gather(*map(one, self._buyers.values()))

    def come_in(self, waiter: Waiter) -> None:
        """Let in, a moment ago."""
        visit = self._buyers.get(waiter.number) or self._visit(waiter, Fate.LOOK_ONLY)
        visit.arrive()
        self.visits.create_task(self._live(visit, waiter))

    async def _live(self, visit: Visit, waiter: Waiter) -> None:
        visit.enter(Stage.INSIDE)
        place = Place(visit, self._sale)
        place.take_over(waiter.token)
        await lived(visit, self._shop(visit, place))

    async def _shop(self, visit: Visit, place: Place) -> None:
        """Ends by raising Ended, or whatever stopped the visit."""
        if visit.persona.fate is not Fate.BUY:
            await place.leave()
            raise Ended(Outcome.LOOKED)
        try:
            await Shopper(visit, self._sale, place).shop()
        except PlaceLost:
            visit.record.events["time up inside"] += 1
            raise Ended(Outcome.GAVE_UP_INSIDE) from None

    def _visit(self, waiter: Waiter, fate: Fate) -> Visit:
        part, number = self._part, waiter.number
        drawn = draw([number], visitors=part.plan.visitors, patience_s=PATIENCE_S, seed=part.seed)
        persona = replace(next(drawn), fate=fate, patience_s=PATIENCE_S, steady=True)
        return Visit(persona, self._client, self._board, part.name(number))
