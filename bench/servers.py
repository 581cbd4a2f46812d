"""What is measured: services of a running sale, and what they are measured against."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from bench.load import Amount, Found, cpu_s, load
from onsale.services import Service, listen, url_of
from onsale.stack import Stack

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Server:
    """Processes that answer on one port, and the engines behind them."""

    url: str
    pids: list[int]
    engines: list[int] = field(default_factory=list)

    @classmethod
    def gateway(cls, sale: Stack) -> "Server":
        return cls(sale.gateway_url, sale.services[0].pids, _engines(sale))

    @classmethod
    def booking(cls, sale: Stack) -> "Server":
        return cls(sale.booking_url, sale.services[-1].pids, _engines(sale))

    async def under(
        self, file: Path, amount: Amount, *, connections: int, status: int
    ) -> tuple[Found, Mapping[str, float]]:
        """Its answers and figures under a load. Raises WrongAnswers."""
        began, engines_began = cpu_s(self.pids), cpu_s(self.engines)
        found = await load(self.url, file, amount, connections=connections, status=status)
        took, engines_took = cpu_s(self.pids) - began, cpu_s(self.engines) - engines_began
        return found, found.figures(took, engines_took)


@asynccontextmanager
async def constant(
    method: str, path: str, status: int, size: int, processes: int = 1
) -> AsyncIterator[Server]:
    """Bare aiohttp: one route, whose answer is always the same."""
    listening = listen("constant", HOST, 0, "")
    fd = listening.fileno()
    command = [sys.executable, "-m", "bench.constant"]
    command += [str(part) for part in (fd, method, path, status, size)]
    started = list[asyncio.subprocess.Process]()
    try:
        for _ in range(processes):
            process = await asyncio.create_subprocess_exec(
                *command, stdout=asyncio.subprocess.PIPE, pass_fds=[fd]
            )
            started.append(process)
        for process in started:
            assert process.stdout
            assert await process.stdout.readline() == b"serving\n"
        yield Server(url_of(listening), [process.pid for process in started])
    finally:
        listening.close()
        for process in started:
            process.kill()
            await process.wait()


@asynccontextmanager
async def beside(sale: Stack, service: Service, module: str) -> AsyncIterator[Server]:
    """A variant of a service of the sale: as many processes, and told the same."""
    variant = Service(
        module,
        module,
        listen(module, HOST, 0, ""),
        environment=_told(service.pids[0]),
        workers=len(service.pids),
        logs=sale.home.logs,
        tell=print,
    )
    try:
        variant.start()
        await variant.ready()
        yield Server(variant.url, variant.pids, _engines(sale))
    finally:
        await variant.stop()


def _engines(sale: Stack) -> list[int]:
    return [engine.pid for engine in sale.engines if engine.pid]


def _told(pid: int) -> dict[str, str]:
    """The environment of a process, as it was given."""
    lines = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return dict(line.split("=", 1) for line in lines if line)


async def answer_of(url: str, wire: bytes) -> tuple[int, int]:
    """Status and size of the body of one answer."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        writer.write(wire)
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        names = {name.lower(): value for name, _, value in (n.partition(": ") for n in lines[1:])}
        return int(lines[0].split()[1]), int(names.get("content-length", 0))
    finally:
        writer.close()
