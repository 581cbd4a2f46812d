"""What the processes of a stack take of the machine: memory, and time of its cores."""

import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import redis.asyncio as redis

from onsale.engines.process import leftovers, with_environment
from onsale.home import Home
from onsale.services import MARK

_PSS = re.compile(r"^Pss: +(\d+) kB$", re.MULTILINE)
_MODULES = {"gateway": b"queue_gateway", "booking API": b"booking_api"}
VALKEY, POSTGRES = "Valkey", "PostgreSQL"


class Processes:
    """The processes of the stack in this home, by what they are; a store elsewhere has none."""

    def __init__(self, home: Path) -> None:
        self._pids: dict[str, list[int]] = {}
        ours = with_environment(f"{MARK}={home}")
        for name, module in _MODULES.items():
            self._pids[name] = [pid for pid in ours if module in _command(pid)]
        kept = Home(home)
        self._pids[VALKEY] = leftovers("valkey-server", kept.valkey)
        self._pids[POSTGRES] = leftovers("postgres", kept.postgres / "data")

    def count(self, name: str) -> int:
        """How many processes it is."""
        return len(self._pids[name])

    def memory(self) -> dict[str, int | None]:
        """Bytes, memory that several share divided among them; None where the kernel hides it."""
        return {name: _sum(_pss(pid) for pid in pids) for name, pids in self._pids.items() if pids}

    def clock(self) -> "Clock":
        """The time of cores used so far, s."""
        used = {name: _sum(_cpu(pid) for pid in pids) for name, pids in self._pids.items()}
        return Clock(time.monotonic(), {name: s for name, s in used.items() if s is not None})


@dataclass(frozen=True, slots=True)
class Clock:
    """Seconds of cores that the processes had used at a moment."""

    at: float
    used: dict[str, float]

    def shares(self, before: "Clock") -> dict[str, float]:
        """Of one core, since another reading."""
        wall_s = max(0.001, self.at - before.at)
        return {
            name: (used - before.used[name]) / wall_s
            for name, used in self.used.items()
            if name in before.used
        }


@dataclass(frozen=True, slots=True)
class Memory:
    """Of all processes, and what the stores say themselves. Bytes."""

    processes: dict[str, int | None]
    store: int
    table: int

    @classmethod
    async def read(
        cls, home: Path, client: "redis.Redis", database: "asyncpg.Connection"
    ) -> "Memory":
        """Of now. Raises the stores' errors."""
        info = await client.info("memory")
        table = await database.fetchval("SELECT pg_total_relation_size('queue')")
        return cls(Processes(home).memory(), int(info["used_memory"]), int(table))

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**self.processes, "store_used_memory": self.store, "queue_table": self.table}


def _sum(values: Any) -> Any:
    known = list(values)
    return None if None in known else sum(known)


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _pss(pid: int) -> int | None:
    """Proportional set size; from proc(5), smaps_rollup."""
    try:
        found = _PSS.search(Path(f"/proc/{pid}/smaps_rollup").read_text())
    except FileNotFoundError:
        return 0
    except OSError:
        return None
    return int(found[1]) * 1024 if found else 0


def _cpu(pid: int) -> float | None:
    """From proc(5), stat: utime and stime."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
