"""Bookings over HTTP against the same statements run by pgbench, and what a refusal costs.

Every booking has a visitor and a seat of its own; each variant in each round has a date of its own.
The booking API rests while pgbench works.
"""

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import aiohttp
import orjson

from bench.engines import processes, stack, stores
from bench.load import Amount, Request, WrongAnswers, cpu_s, prepared
from bench.pgbench import CLIENTS, NTH, Statement, pgbench
from bench.report import Figure, Measure, Report, in_turns
from bench.sale import PRICE, ROOM, Sale, resting
from bench.servers import Server, answer_of, constant
from shared.tokens import Place

PGBENCH = f"pgbench, {CLIENTS} clients"
BARE, REFUSED = "bare aiohttp", "seat_taken"
#: In one statement while a round is made ready: each of them locks a key.
_AT_ONCE = 500

BOOKED = "SELECT count(*) FROM concert_booking WHERE concert_schedule_id = $1"
PAID = """
SELECT count(*) FROM payment JOIN concert_booking USING (concert_booking_id)
WHERE concert_schedule_id = $1
"""


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is done."""

    bookings: int  # of a round, a multiple of CLIENTS
    rounds: int
    late: int  # visitors who come when all is sold
    refusals: Amount  # of a round
    connections: int  # as many as pgbench has clients
    many: int  # what a crowd would bring
    refused: int  # connections that are refused at once

    @classmethod
    def of(cls, quick: bool) -> "Scale":
        if quick:
            return cls(160, 2, 200, Amount(count=150), 4, 8, 8)
        return cls(6_400, 5, 5_000, Amount(seconds=3), CLIENTS, 64, 256)


@dataclass(frozen=True, slots=True)
class Date:
    """A date, and visitors who want a seat each: the first wants A-1, and so on."""

    schedule_id: int
    visitors: Sequence[Place]

    @property
    def path(self) -> str:
        return f"/v1/schedules/{self.schedule_id}/bookings"

    @property
    def visitor(self) -> str:
        """SQL for the name of the nth visitor."""
        name, _, first = self.visitors[0].visitor.rpartition("-")
        return f"'{name}-' || ({int(first) - 1} + {NTH})"

    @property
    def hold(self) -> Statement:
        first = self.visitors[0]
        jti = f"'{ROOM}.{first.generation}.' || ({first.number - 1} + {NTH})"
        parameters = (
            self.visitor,
            jti,
            f"'{ROOM}'",
            f"{self.schedule_id}",
            f"ARRAY['A-' || {NTH}]",
        )
        return Statement("hold_seats", _numbered(*parameters, f"'{self.path}'", *_ONCE))

    @property
    def charge(self) -> Statement:
        parameters = (self.visitor, f"{PRICE}", "1000000", "'/v1/users/me/charges'")
        return Statement("charge_balance", _numbered(*parameters, *_ONCE))

    def pay(self, first_booking: int) -> Statement:
        booking = f"ARRAY[({first_booking - 1} + {NTH})::bigint]"
        parameters = (self.visitor, f"'{ROOM}'", booking, "'/v1/payments'")
        return Statement("pay_bookings", _numbered(*parameters, *_ONCE))


#: Key and fingerprint, and the currency with its digits.
_ONCE = (f"'pgbench-' || {NTH}", "decode(repeat('00', 32), 'hex')", "'USD'", "2")


def _ours(connections: int) -> str:
    return f"over HTTP, {connections} connections"


def _numbered(*parameters: str) -> Mapping[int, str]:
    return dict(enumerate(parameters, 1))


async def main(quick: bool) -> Report:
    """Holds, payments and refusals a second."""
    scale = Scale.of(quick)
    report = Report("Bookings of the booking API")
    async with (
        stack(processes()) as running,
        stores(running) as (client, pool),
        aiohttp.ClientSession() as http,
    ):
        sale = await Sale.opened(running, client, pool, http)
        with tempfile.TemporaryDirectory(prefix="onsale-bench-") as folder:
            bench = _Bench(sale, Server.booking(running), Path(folder) / "requests", scale)
            report.figures += await bench.holds()
            figure, sold = await bench.payments()
            report.figures += [figure, await bench.refusals(sold)]
        report.notes.append(await sale.verified())
    report.notes.append(
        f"wrk, and pgbench -M prepared; {scale.bookings:,} bookings in each of {scale.rounds}"
        f" rounds in turns, with fsync; processes of each: {processes()}, on {os.cpu_count()}"
        " processors"
    )
    return report


@dataclass(frozen=True, slots=True)
class _Bench:
    """The rounds of one sale."""

    sale: Sale
    server: Server
    file: Path
    scale: Scale

    async def holds(self) -> list[Figure]:
        few, many = self.scale.connections, self.scale.many
        variants: dict[str, Measure] = {
            PGBENCH: self._hold_by_pgbench,
            _ours(few): partial(self._hold, few),
            _ours(many): partial(self._hold, many),
        }
        found = await in_turns(self.scale.rounds, variants)
        return [
            Figure.rated("hold one seat", found, (PGBENCH, _ours(few)), target=0.8),
            Figure.rated("hold one seat, a crowd", found, (PGBENCH, _ours(many))),
        ]

    async def payments(self) -> tuple[Figure, Date]:
        """And a date that is sold out after them."""
        dates, ours = list[Date](), _ours(self.scale.connections)
        variants: dict[str, Measure] = {
            PGBENCH: partial(self._pay_by_pgbench, dates),
            ours: self._pay,
        }
        found = await in_turns(self.scale.rounds, variants)
        return Figure.rated("pay one seat", found, (PGBENCH, ours), target=0.8), dates[-1]

    async def refusals(self, sold: Date) -> Figure:
        """Visitors who want a seat that is sold."""
        late = await self.sale.visitors(self.scale.late)
        asking = self._holding(Date(sold.schedule_id, late), len(sold.visitors))
        file = prepared(self.file, asking)
        status, size = await answer_of(self.server.url, asking[0].wire)

        async def refused(server: Server) -> Mapping[str, float]:
            _, figures = await server.under(
                file, self.scale.refusals, connections=self.scale.refused, status=409
            )
            return figures

        async with constant("POST", sold.path, status, size, processes()) as bare:
            variants: dict[str, Measure] = {
                BARE: partial(refused, bare),
                REFUSED: partial(refused, self.server),
            }
            found = await in_turns(self.scale.rounds, variants)
        return Figure.rated("409 on a sold seat", found, (BARE, REFUSED), target=0.4)

    async def _date(self, spare: int = 0) -> Date:
        """A new one, with as many seats and visitors as a round needs."""
        count = self.scale.bookings + spare
        schedule_id = await self.sale.date(count)
        return Date(schedule_id, await self.sale.visitors(count))

    def _holding(self, date: Date, seats: int) -> list[Request]:
        return [
            self._request(date.path, place, {"seat_numbers": [f"A-{n % seats + 1}"]})
            for n, place in enumerate(date.visitors)
        ]

    def _request(self, path: str, place: Place, body: object) -> Request:
        key = {"Idempotency-Key": f"bench-{place.number}"}
        headers = {**self.sale.credentials(place), **key}
        return Request("POST", path, headers, orjson.dumps(body))

    async def _hold(self, connections: int) -> Mapping[str, float]:
        date = await self._date(spare=connections)
        file = prepared(self.file, self._holding(date, len(date.visitors)))
        return await self._sent(file, connections, date, BOOKED)

    async def _hold_by_pgbench(self) -> Mapping[str, float]:
        date = await self._date()
        return await self._by_pgbench(date, date.hold, BOOKED)

    async def _pay(self) -> Mapping[str, float]:
        date = await self._date(spare=self.scale.connections)
        first = await self._held(date)
        asking = [
            self._request("/v1/payments", place, {"concert_booking_ids": [first + n]})
            for n, place in enumerate(date.visitors)
        ]
        return await self._sent(prepared(self.file, asking), self.scale.connections, date, PAID)

    async def _pay_by_pgbench(self, dates: list[Date]) -> Mapping[str, float]:
        date = await self._date()
        first = await self._held(date)
        dates.append(date)
        return await self._by_pgbench(date, date.pay(first), PAID)

    async def _sent(
        self, file: Path, connections: int, date: Date, counted: str
    ) -> Mapping[str, float]:
        """What is answered 201 is in the database, and so may be what was cut off at the end."""
        await self.sale.pool.execute("CHECKPOINT")
        found, figures = await self.server.under(
            file, Amount(count=self.scale.bookings), connections=connections, status=201
        )
        await self.sale.settled()
        await self.sale.counted(
            counted, date.schedule_id, found.answers, found.answers + connections
        )
        return figures

    async def _by_pgbench(
        self, date: Date, statement: Statement, counted: str
    ) -> Mapping[str, float]:
        count, url = self.scale.bookings, self.sale.stack.database_url
        await self.sale.pool.execute("CHECKPOINT")
        with resting(self.server.pids):
            began = cpu_s(self.server.engines)
            found = await pgbench(url, statement, count)
            engines_s = cpu_s(self.server.engines) - began
        await self.sale.counted(counted, date.schedule_id, count, count)
        await self.sale.settled()
        return found.figures(0.0, engines_s)

    async def _held(self, date: Date) -> int:
        """Everybody holds their seat and has money for it: the first of the bookings' ids."""
        for statement in (date.hold, date.charge):
            each = statement.text.replace(NTH, "n")
            for at in range(1, len(date.visitors) + 1, _AT_ONCE):
                last = min(at + _AT_ONCE - 1, len(date.visitors))
                outcomes = await self.sale.pool.fetch(
                    f"SELECT DISTINCT done.outcome FROM generate_series($1::integer, $2) n,"  # noqa: S608
                    f" LATERAL ({each}) done",
                    at,
                    last,
                )
                if {row["outcome"] for row in outcomes} - {"held", "charged"}:
                    raise WrongAnswers(f"a round cannot be made ready: {outcomes}")
        ids = await self.sale.pool.fetch(
            "SELECT b.concert_booking_id FROM concert_booking b JOIN concert_seat s"
            " USING (concert_seat_id) WHERE b.concert_schedule_id = $1"
            " ORDER BY split_part(s.seat_number, '-', 2)::integer",
            date.schedule_id,
        )
        first: int = ids[0][0]
        if [row[0] for row in ids] != list(range(first, first + len(date.visitors))):
            raise WrongAnswers("somebody else booked meanwhile")
        return first
