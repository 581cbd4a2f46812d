"""What open streams cost one gateway process, and how long an admission takes to its client.

Everybody listens in one room. An admission's own time is in what arrives: `expires_at` is that time
and `active_ttl_s`, by the store's clock, which on one machine is everybody's.
"""

import argparse
import asyncio
import json
import os
import resource
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import redis.asyncio as redis
import uvloop
from rich.console import Console

from bench.engines import stack
from bench.report import Figure, Report
from bench.rooms import Line
from onsale.rush.figures import Figures
from queue_gateway.room import Rooms
from shared.tokens import Place, QueueTokens

STREAMS, FEW = 5_000, 50
#: Let in one after the other, per second, and so many in one moment.
PACE, AT_ONCE = 200, 1_000
#: How long nothing happens while the cost of that is measured.
QUIET_S = 15.0
#: Opened at the same time.
OPENING = 50
ACTIVE_TTL_S = 3_600

EVENT = b"data: "


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is done."""

    streams: int
    at_once: int
    quiet_s: float

    @classmethod
    def of(cls, quick: bool) -> "Scale":
        return cls(FEW, FEW // 5, 2.0) if quick else cls(STREAMS, AT_ONCE, QUIET_S)


@dataclass(slots=True)
class Arrivals:
    """What arrived at all clients."""

    refused: int = 0
    lost: int = 0
    delays_ms: list[float] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, event: bytes) -> bool:
        """An event; whether it tells of the admission."""
        told = json.loads(event)
        if told["status"] != "ACTIVE":
            return False
        expires_at = datetime.fromisoformat(told["expires_at"]).timestamp()
        self.delays_ms.append((time.time() - (expires_at - ACTIVE_TTL_S)) * 1000)
        return True

    async def until(self, admitted: int) -> None:
        """Wait until so many were told of their admission."""
        async with asyncio.timeout(300):
            while len(self.delays_ms) < admitted:
                self.changed.clear()
                await self.changed.wait()


class Client(asyncio.Protocol):
    """A browser with nothing but its EventSource."""

    def __init__(self, arrivals: Arrivals):
        self._arrivals = arrivals
        self._read = b""
        self._inside = False
        self.open: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        *events, self._read = (self._read + data).split(b"\n\n")
        for event in events:
            _, found, told = event.partition(EVENT)
            if not found:
                continue
            if not self.open.done():
                self.open.set_result(True)
            if not self._inside:
                self._inside = self._arrivals.take(told)
            self._arrivals.changed.set()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.open.done():
            self._arrivals.lost += 1
        else:
            self.open.set_result(False)


@dataclass(frozen=True, slots=True)
class Gateway:
    """The one process that is measured."""

    url: str
    pid: int
    tokens: QueueTokens

    def memory_kib(self) -> int:
        """What it holds now; not what the kernel keeps for its sockets."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        (found,) = (line for line in lines if line.startswith("VmRSS:"))
        return int(found.split()[1])

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @asynccontextmanager
    async def listening(self, places: list[Place]) -> AsyncIterator[Arrivals]:
        """A stream for each place, all open."""
        arrivals, gate, opened = Arrivals(), asyncio.Semaphore(OPENING), list[asyncio.Transport]()
        parts = urlsplit(self.url)
        assert parts.hostname
        assert parts.port
        host, port = parts.hostname, parts.port

        async def one(place: Place) -> None:
            loop, accepted = asyncio.get_running_loop(), False
            while not accepted:
                async with gate:
                    transport, client = await loop.create_connection(
                        lambda: Client(arrivals), host, port
                    )
                    opened.append(transport)
                    transport.write(self._request(place))
                    accepted = await client.open
                if not accepted:
                    arrivals.refused += 1
                    await asyncio.sleep(1)

        try:
            await asyncio.gather(*map(one, places))
            yield arrivals
        finally:
            for transport in opened:
                transport.abort()

    def _request(self, place: Place) -> bytes:
        lines = (
            f"GET /v1/rooms/{place.room_id}/token/events HTTP/1.1",
            f"Host: {urlsplit(self.url).netloc}",
            f"Queue-Token: {self.tokens.sign(place)}",
            "Connection: close",
        )
        return "\r\n".join((*lines, "", "")).encode()


async def main(quick: bool) -> Report:
    """The figures of 5,000 streams."""
    return await measured(Scale.of(quick))


async def measured(scale: Scale) -> Report:
    """The figures of so many streams."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    report = Report(f"{scale.streams:,} streams of events on one gateway process")
    async with (
        stack() as sale,
        redis.Redis.from_url(sale.redis_url, decode_responses=True, protocol=2) as client,
    ):
        (pid,) = sale.services[0].pids
        secret = sale.home.secret("queue.secret")
        gateway = Gateway(sale.gateway_url, pid, QueueTokens((secret,)))
        await _measure(gateway, client, scale, report)
    report.notes.append(
        "memory: of the process, without the kernel's buffers; time from the admission, as the"
        f" store dates it, to the client; all on this machine, of {os.cpu_count()} processors"
    )
    return report


async def _measure(gateway: Gateway, client: "redis.Redis", scale: Scale, report: Report) -> None:
    rooms, line = Rooms(client), await Line.filled(client, scale.streams)
    await rooms.configure(line.room_id, {"active_ttl_s": ACTIVE_TTL_S})
    await line.written_down()
    async with gateway.listening(line.places[:FEW]):
        pass  # what is loaded at first use is no stream's
    many = f"{scale.streams:,} streams"
    before, quiet = gateway.memory_kib(), {"no stream": await _costs(gateway, client, scale)}
    async with gateway.listening(line.places) as arrivals:
        quiet[many] = await _costs(gateway, client, scale)
        each = (gateway.memory_kib() - before) / scale.streams
        report.figures.append(Figure("memory per stream", "KiB", {many: [each]}))
        for what, unit in (("store, scripts", "calls/s"), ("store, busy", "%"), ("CPU", "%")):
            values = {variant: [costs[what]] for variant, costs in quiet.items()}
            report.figures.append(Figure(f"quiet: {what}", unit, values))

        alone = scale.streams - scale.at_once
        pace = {"max_active": alone, "admit_per_minute": PACE * 60}
        began = gateway.cpu_s(), time.monotonic()
        await rooms.configure(line.room_id, pace)
        await arrivals.until(admitted=alone)
        cpu = (gateway.cpu_s() - began[0]) / (time.monotonic() - began[1]) * 100
        report.figures.append(_delays(f"{PACE} a second: admission to arrival", arrivals))
        report.figures.append(Figure(f"{PACE} a second: CPU", "%", {many: [cpu]}))

        await rooms.configure(line.room_id, {"admit_per_minute": 6_000_000})
        await asyncio.sleep(1)
        arrivals.delays_ms.clear()
        await rooms.configure(line.room_id, {"max_active": scale.streams})
        await arrivals.until(admitted=scale.at_once)
        report.figures.append(_delays(f"{scale.at_once:,} at once: admission to arrival", arrivals))
        report.notes.append(f"{arrivals.refused} refused at first, {arrivals.lost} cut later")


def _delays(name: str, arrivals: Arrivals) -> Figure:
    found = Figures.of(arrivals.delays_ms)
    values = {"p50": found.p50, "p99": found.p99, "max": max(arrivals.delays_ms)}
    return Figure(name, "ms", {what: [value or 0.0] for what, value in values.items()})


async def _costs(gateway: Gateway, client: "redis.Redis", scale: Scale) -> Mapping[str, float]:
    """Of a time in which nothing happens."""
    await asyncio.sleep(min(3.0, scale.quiet_s))
    await client.config_resetstat()
    began, cpu_s = time.monotonic(), gateway.cpu_s()
    await asyncio.sleep(scale.quiet_s)
    scripts = (await client.info("commandstats"))["cmdstat_evalsha"]
    seconds = time.monotonic() - began
    return {
        "store, scripts": scripts["calls"] / seconds,
        "store, busy": scripts["usec"] / seconds / 10_000,
        "CPU": (gateway.cpu_s() - cpu_s) / seconds * 100,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.streams", description=__doc__)
    parser.add_argument("--streams", type=int, default=STREAMS)
    count = parser.parse_args().streams
    chosen = Scale(count, min(AT_ONCE, count // 5), QUIET_S)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        loop.run(measured(chosen)).show(Console(soft_wrap=True))
    sys.exit(0)
