"""Load from one client, wrk, the same for whatever is measured beside each other."""

import asyncio
import os
import shutil
import signal
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bench.report import RATE

SCRIPT = Path(__file__).parent / "wrk" / "requests.lua"
MISSING = (
    "The benchmarks measure with wrk, which is not installed: apt-get install wrk on Debian and"
    " Ubuntu, brew install wrk on macOS, or https://github.com/wg/wrk"
)
#: One thread of wrk asks more than one process of anything here answers.
THREADS = 1
#: An answer that takes longer is an error of its connection; slow ones are measured.
TIMEOUT_S = 30
#: Nothing that is counted takes longer.
_LIMIT_S = 600
#: For what wrk does before its time begins and after it is over.
_ENDING_S = 60.0
P50, P99 = "p50 ms", "p99 ms"
_CPU, _ENGINES = "CPU µs", "engines µs"


class WrongAnswers(Exception):
    """What was measured did not do what it is measured for."""


class Found(msgspec.Struct, frozen=True):
    """What a client saw."""

    statuses: dict[int, int]
    errors: int
    seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def answers(self) -> int:
        return sum(self.statuses.values())

    def checked(self, status: int) -> "Found":
        """Itself. Raises WrongAnswers unless each answer had this status."""
        if self.errors or set(self.statuses) != {status}:
            raise WrongAnswers(
                f"{status} was expected; answers by status {self.statuses},"
                f" {self.errors} errors of connections"
            )
        return self

    def figures(self, cpu_s: float, engines_s: float) -> Mapping[str, float]:
        """For `in_turns`. `cpu_s`: the processor time of the processes that answered; `engines_s`:
        of the engines behind them."""
        return {
            RATE: self.answers / self.seconds,
            P50: self.p50_ms,
            P99: self.p99_ms,
            _CPU: cpu_s / self.answers * 1_000_000,
            _ENGINES: engines_s / self.answers * 1_000_000,
        }


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it goes over the wire."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def wire(self) -> bytes:
        lines = [f"{self.method} {self.path} HTTP/1.1", "Host: onsale"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.body:
            lines += ["Content-Type: application/json"]
        if self.method == "POST":
            lines += [f"Content-Length: {len(self.body)}"]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


@dataclass(frozen=True, slots=True)
class Amount:
    """How much is sent: over and over for so long, or each once until so many are answered."""

    seconds: int = 0
    count: int = 0


def prepared(file: Path, requests: Iterable[Request]) -> Path:
    """The file of requests that `wrk/requests.lua` reads."""
    with file.open("wb") as out:
        for request in requests:
            wire = request.wire
            out.write(b"%d\n" % len(wire) + wire)
    return file


async def load(url: str, file: Path, amount: Amount, *, connections: int, status: int) -> Found:
    """Send prepared requests over so many connections, the next one when one is answered.

    Raises WrongAnswers unless each answer has this status.
    """
    limit_s = amount.seconds or _LIMIT_S
    command = ["wrk", "-t", str(THREADS), "-c", str(connections), "-d", f"{limit_s}s"]
    command += ["--timeout", f"{TIMEOUT_S}s"]
    command += ["-s", str(SCRIPT), url, "--", str(file), str(THREADS), str(amount.count)]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdout
    finished, found = 0, b""
    try:
        async with asyncio.timeout(limit_s + _ENDING_S):
            async for line in process.stdout:
                word, _, rest = line.partition(b" ")
                if word == b"found":
                    found = rest
                finished += line == b"finished\n"
                if finished == THREADS:
                    process.send_signal(signal.SIGINT)
                    finished = 0
            _, said = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if not found:
        raise WrongAnswers(f"wrk found nothing: {said.decode().strip()}")
    return msgspec.json.decode(found, type=Found, strict=False).checked(status)


def missing() -> str | None:
    """What to say when there is no wrk."""
    return None if shutil.which("wrk") else MISSING


def cpu_s(pids: Sequence[int]) -> float:
    """The processor time that these processes and all below them have taken so far."""
    parents, times = dict[int, int](), dict[int, float]()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # ended meanwhile
        parents[int(folder.name)] = int(fields[1])
        times[int(folder.name)] = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    family = set(pids)
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(times.get(pid, 0.0) for pid in family)
