"""How busy the clients and the machine were: whether the figures are the services' or our own."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onsale.rush.figures import Figures
from onsale.rush.messages import Done
from onsale.rush.scale.parts import Lived


@dataclass(frozen=True, slots=True)
class Load:
    """Of one rush. Shares are of one core for a process, of all cores for the machine."""

    processes: int
    busiest: float
    cpu_s: float
    lateness_ms: Figures
    rush_cpu_s: float
    machine: float | None
    cores: int

    @classmethod
    def of(cls, done: Sequence[Done | Lived], processes: int, since: "Clock") -> "Load":
        """What was used since the clock was read."""
        now = Clock.read()
        wall_s = max(0.001, now.at - since.at)
        total = now.total - since.total
        return cls(
            processes=processes,
            busiest=max((share.cpu_s / wall_s for share in done), default=0.0),
            cpu_s=sum(share.cpu_s for share in done),
            lateness_ms=Figures.of(late for share in done for late in share.lateness_ms),
            rush_cpu_s=now.own - since.own,
            machine=1 - (now.idle - since.idle) / total if total > 0 else None,
            cores=os.cpu_count() or 1,
        )

    def line(self) -> str:
        """For people."""
        machine = "unknown" if self.machine is None else f"{self.machine:.0%}"
        return (
            f"Clients: {self.processes} processes, {self.cpu_s:.1f} s of CPU, the busiest"
            f" {self.busiest:.0%} of a core, late by {self.lateness_ms.cells(0)[1]} ms at p95;"
            f" the rush itself {self.rush_cpu_s:.1f} s; all {self.cores} cores {machine} busy"
        )

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "client_processes": self.processes,
            "client_cpu_s": round(self.cpu_s, 3),
            "busiest_client_share_of_a_core": round(self.busiest, 3),
            "client_lateness_ms": self.lateness_ms.as_dict(),
            "rush_cpu_s": round(self.rush_cpu_s, 3),
            "machine_busy": None if self.machine is None else round(self.machine, 3),
            "cores": self.cores,
        }


@dataclass(frozen=True, slots=True)
class Clock:
    """CPU time of this process and of the machine, at a moment."""

    at: float
    own: float
    idle: int
    total: int

    @classmethod
    def read(cls) -> "Clock":
        """From proc(5), /proc/stat: ticks of user nice system idle iowait irq softirq steal."""
        first = Path("/proc/stat").read_text().split("\n", 1)[0]
        ticks = [int(word) for word in first.split()[1:9]]
        return cls(time.monotonic(), time.process_time(), sum(ticks[3:5]), sum(ticks))
