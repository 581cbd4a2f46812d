"""Lines that move in every way a sale may move them, and how often `eta_s` told the truth.

`python -m tests.outflow` prints the table. Time is simulated, in ticks of the admission loop;
a line is judged as a room would see it, by ten-second slots.
"""

import heapq
import itertools
import random
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import ceil, exp

from queue_gateway.eta import Outlook, Pace
from queue_gateway.room import PACE_SLOTS

TICK_MS, SLOT_MS = 200, 10_000
MINUTES, SEEDS = 40, 2
#: Somebody looks this often, at these positions of the line.
LOOK_TICKS = 37
POSITIONS = (1, *range(25, 601, 25))
SURE_MS = 120_000

#: How many are admitted in each tick.
Flow = Iterator[int]


def steady(per_minute: float) -> Callable[[random.Random], Flow]:
    """As a rate lets in."""

    def flow(rng: random.Random) -> Flow:
        level = 0.0
        while True:
            level += per_minute * TICK_MS / 60_000
            yield int(level)
            level -= int(level)

    return flow


def random_arrivals(per_minute: float) -> Callable[[random.Random], Flow]:
    """As slots become free one by one, independently of each other (Poisson)."""

    def flow(rng: random.Random) -> Flow:
        while True:
            yield _poisson(rng, per_minute * TICK_MS / 60_000)

    return flow


def bursts(size: int, every_s: float, jitter_s: float = 0) -> Callable[[random.Random], Flow]:
    """Many at once, then nobody for a while."""

    def flow(rng: random.Random) -> Flow:
        left = rng.random() * every_s
        while True:
            yield size if left <= 0 else 0
            left += every_s + rng.uniform(-jitter_s, jitter_s) if left <= 0 else 0
            left -= TICK_MS / 1000

    return flow


def capped(
    cap: int, per_minute: float, stay_s: Callable[[random.Random], float], clump_s: float = 0
) -> Callable[[random.Random], Flow]:
    """A full room: somebody comes in for each who leaves; clumps: many leave at the same moment."""

    def flow(rng: random.Random) -> Flow:
        now_s, level, leaving = 0.0, 1.0, list[float]()
        while True:
            now_s += TICK_MS / 1000
            level = min(max(1.0, per_minute / 60), level + per_minute * TICK_MS / 60_000)
            while leaving and leaving[0] <= now_s:
                heapq.heappop(leaving)
            admitted = min(cap - len(leaving), int(level))
            for _ in range(admitted):
                until_s = now_s + max(1.0, stay_s(rng))
                heapq.heappush(leaving, ceil(until_s / clump_s) * clump_s if clump_s else until_s)
            level -= admitted
            yield admitted

    return flow


def changing(rates: tuple[float, ...], from_s: float, to_s: float) -> Callable[..., Flow]:
    """A rate that an operator changes every few minutes, per minute; arrivals at random."""

    def flow(rng: random.Random) -> Flow:
        while True:
            rate = rng.choice(rates)
            for _ in range(int(rng.uniform(from_s, to_s) * 1000 / TICK_MS)):
                yield _poisson(rng, rate * TICK_MS / 60_000)

    return flow


def drifting(per_minute: float, by: float, period_s: float) -> Callable[[random.Random], Flow]:
    """Slowly faster, slowly slower, in straight lines."""

    def flow(rng: random.Random) -> Flow:
        for tick in itertools.count():
            phase = (tick * TICK_MS / 1000 / period_s) % 1
            rate = per_minute * (1 + by * (4 * abs(phase - 0.5) - 1))
            yield _poisson(rng, rate * TICK_MS / 60_000)

    return flow


#: What is promised: 80 % in each, also with pauses.
SCENARIOS: dict[str, Callable[[random.Random], Flow]] = {
    "steady, 6 a minute": steady(6),
    "steady, 600 a minute": steady(600),
    "at random, 10 a minute": random_arrivals(10),
    "at random, 60 a minute": random_arrivals(60),
    "50 at once each minute": bursts(50, 60),
    "50 at once each 35 to 85 s": bursts(50, 60, 25),
    "100 at once every two minutes": bursts(100, 120),
    "full room, leaving each half minute": capped(100, 600, lambda r: r.gauss(180, 40), 30),
    "full room, stays alike": capped(200, 1200, lambda r: r.gauss(180, 30)),
    "full room, stays at random": capped(50, 600, lambda r: 5 + r.expovariate(0.01), 60),
    "changing between 42, 60 and 84 a minute": changing((42, 60, 84), 120, 400),
    "drifting by a half in ten minutes": drifting(120, 0.5, 1200),
}
#: Beyond what the last minutes can tell; shown, not promised.
BEYOND: dict[str, Callable[[random.Random], Flow]] = {
    "changing between 30, 60 and 120 a minute": changing((30, 60, 120), 120, 400),
}


@dataclass
class Coverage:
    """How often the real wait was in the range told, and how wide that was (end / start)."""

    told: int = 0
    right: int = 0
    early: list[int] = field(default_factory=lambda: [0, 0])
    front: list[int] = field(default_factory=lambda: [0, 0])
    widths: list[float] = field(default_factory=list)

    @property
    def share(self) -> float:
        return self.right / self.told

    @property
    def widest(self) -> float:
        return max(self.widths)

    def row(self, name: str) -> str:
        shares = [right / max(1, told) for told, right in (self.early, self.front)]
        width = sorted(self.widths)[len(self.widths) // 2]
        cells = "".join(f"{share:8.0%}" for share in (self.share, *shares))
        return f"{name:52}{cells}{width:8.2f}{self.widest:8.2f}"


HEAD = f"{'':52}{'right':>8}{'early':>8}{'front':>8}{'width':>8}{'widest':>8}"


def measured(flow: Callable[[random.Random], Flow], *, pauses: bool) -> Coverage:
    """What visitors all along the line were told, against what came."""
    found = Coverage()
    for seed in range(SEEDS):
        _run(flow, random.Random(seed), pauses, found)
    return found


def _run(
    flow: Callable[[random.Random], Flow], rng: random.Random, pauses: bool, found: Coverage
) -> None:
    moved, sights = _lived(flow(rng), rng, pauses)
    for at, pace in sights:
        outlook = Outlook(pace, 0)
        for position in POSITIONS:
            reached = bisect_left(moved, moved[at] + position)
            if reached == len(moved) or not (wait := outlook.wait(position)):
                continue
            real_s = max(1, ceil((reached - at) * TICK_MS / 1000))
            right = wait.low <= real_s <= wait.high
            found.told += 1
            found.right += right
            if at * TICK_MS < SURE_MS:
                found.early = [found.early[0] + 1, found.early[1] + right]
            else:
                found.widths.append(wait.high / wait.low)
            if position <= 50:
                found.front = [found.front[0] + 1, found.front[1] + right]


def _lived(
    flow: Flow, rng: random.Random, pauses: bool
) -> tuple[list[int], list[tuple[int, tuple[Pace, ...]]]]:
    """The line's life: how many were admitted by each tick of its own time, and what a room saw."""
    admitted: defaultdict[int, int] = defaultdict(int)
    busy: defaultdict[int, int] = defaultdict(int)
    moved, sights = [0], []
    now_ms = 1_800_000_000_000 + rng.randrange(SLOT_MS)
    pause_in = rng.uniform(60, 120) if pauses else float("inf")
    for _ in range(2 * MINUTES * 60_000 // TICK_MS):
        if pause_in <= 0:
            now_ms += int(rng.uniform(20, 240) * 1000)
            pause_in = rng.uniform(60, 400)
        now_ms += TICK_MS
        pause_in -= TICK_MS / 1000
        slot, count = now_ms // SLOT_MS, next(flow)
        admitted[slot] += count
        busy[slot] += TICK_MS
        moved.append(moved[-1] + count)
        at = len(moved) - 1
        if at % LOOK_TICKS == 0 and at * TICK_MS < MINUTES * 60_000:
            slots = range(slot - PACE_SLOTS + 1, slot + 1)
            pace = tuple(Pace(admitted[s], (admitted[s],), (busy[s],)) for s in slots)
            sights.append((at, pace))
    return moved, sights


def _poisson(rng: random.Random, mean: float) -> int:
    """Knuth's method; means here are small."""
    limit, count, product = exp(-mean), 0, rng.random()
    while product > limit:
        count, product = count + 1, product * rng.random()
    return count


def main() -> None:
    """Print the whole table."""
    print(HEAD)
    for name, flow in {**SCENARIOS, **BEYOND}.items():
        for pauses in (False, True):
            coverage = measured(flow, pauses=pauses)
            print(coverage.row(f"{name}{', with pauses' * pauses}"))


if __name__ == "__main__":
    main()
