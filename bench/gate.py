"""What the gate of the booking API costs.

A seat map that its reader has already is asked for with the gate, and without.
"""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import aiohttp

from bench.engines import processes, stack, stores
from bench.load import Amount, Request, prepared
from bench.report import Figure, Measure, Report, in_turns
from bench.sale import Sale
from bench.servers import Server, beside

WITHOUT, WITH = "without the gate", "with the gate"


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is done."""

    seats: int
    visitors: int
    rounds: int
    reads: Amount  # of a round
    connections: int

    @classmethod
    def of(cls, quick: bool) -> "Scale":
        if quick:
            return cls(100, 400, 2, Amount(count=300), 8)
        return cls(1_000, 10_000, 15, Amount(seconds=1), 256)


async def main(quick: bool) -> Report:
    """Reads a second."""
    scale = Scale.of(quick)
    report = Report("Gated reads of the booking API")
    async with (
        stack(processes()) as running,
        stores(running) as (client, pool),
        aiohttp.ClientSession() as http,
    ):
        sale = await Sale.opened(running, client, pool, http)
        path = f"/v1/schedules/{await sale.date(scale.seats)}/seats"
        visitors = [sale.credentials(place) for place in await sale.visitors(scale.visitors)]
        async with http.get(running.booking_url + path, headers=visitors[0]) as answer:
            answer.raise_for_status()
            etag = answer.headers["ETag"]
        reading = (Request("GET", path, {**who, "If-None-Match": etag}) for who in visitors)
        with tempfile.TemporaryDirectory(prefix="onsale-bench-") as folder:
            file = prepared(Path(folder) / "reads", reading)

            async def read(server: Server) -> Mapping[str, float]:
                _, figures = await server.under(
                    file, scale.reads, connections=scale.connections, status=304
                )
                return figures

            service = running.services[-1]
            async with beside(running, service, "bench.ungated") as ungated:
                variants: dict[str, Measure] = {
                    WITHOUT: partial(read, ungated),
                    WITH: partial(read, Server.booking(running)),
                }
                found = await in_turns(scale.rounds, variants)
    name = "seat map not changed (304)"
    report.figures.append(Figure.rated(name, found, (WITHOUT, WITH), target=0.8))
    report.notes.append(
        f"wrk, {scale.connections} connections of {scale.visitors:,} visitors who were let in,"
        f" {scale.rounds} rounds in turns; processes of each: {processes()}, on {os.cpu_count()}"
        " processors"
    )
    return report
