"""How long a wait may be, from how the line really moved. Found in docs/decisions/0015."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import ceil, floor, sqrt

from queue_gateway.answers import Wait

SLOT_S = 10
#: How far back to look: until this many slots with admissions were seen, and two minutes at least.
#: A steady line is judged by its last minutes, one that moves in rare bursts by more of them.
TELLING_SLOTS, LEAST_SLOTS = 16, 12
#: The share of what was seen that is left out at either end.
TAIL = 0.1
#: The next minutes differ from the last ones: this much is added at either end.
MARGIN = 1.35
#: What a minute of silence could change is allowed for, which weighs much while little was seen.
SILENCE_S = 60
#: From then on a range says something: its end is at most WIDEST times its beginning.
SURE_AFTER_S, WIDEST = 120, 3
#: Fewer moments that were like this one say less than all moments together.
FEW = 4


@dataclass(frozen=True, slots=True)
class Pace:
    """Ten seconds of a room: its admissions, and by lane those from it and when it could move.

    A lane could move while somebody waited in it and the room admitted; what could not move, as
    in a pause or an outage, is no time of this line.
    """

    admitted: int
    lanes: tuple[int, ...]
    busy_ms: tuple[int, ...]


class Outlook:
    """What to expect of one lane: how many it may admit at best and at worst, for a growing time.

    Times are of the line's own clock, which runs while it could move. Made once for a view of a
    room; a wait is then looked up.
    """

    def __init__(self, pace: Sequence[Pace], lane: int):
        slots = [(p.busy_ms[lane] / 1000, p.lanes[lane]) for p in pace if p.busy_ms[lane]]
        self._measured_s = sum(busy_s for busy_s, _ in slots)
        slots = _telling(slots)
        self._ends = [0.0, *accumulate(busy_s for busy_s, _ in slots)]
        self._sums = [0.0, *accumulate(admitted for _, admitted in slots)]
        self._all_s, self._admitted = self._ends[-1], self._sums[-1]
        self._spans, self._best, self._worst = [0.0], [0.0], [0.0]
        if self._admitted:
            self._look()

    def wait(self, position: int) -> Wait | None:
        """The wait of a position, in whole seconds begun; None where nothing was measured."""
        if not self._admitted:
            return None
        mean_s = position * self._all_s / self._admitted
        slack = MARGIN * (1 + SILENCE_S / self._measured_s)
        low_s = max(1.0, self._reached(self._best, position, mean_s) / slack)
        # Where the worst moments admitted nobody, three times the mean is the guess.
        high_s = max(mean_s, self._reached(self._worst, position, WIDEST * mean_s)) * slack
        if self._measured_s < SURE_AFTER_S:
            return Wait(low=int(low_s), high=ceil(high_s))
        if high_s > WIDEST * low_s:
            low_s = max(1.0, sqrt(low_s * high_s / WIDEST))
        low = int(low_s)
        return Wait(low=low, high=min(WIDEST * low, ceil(high_s)))

    def _look(self) -> None:
        starts = [(at, self._until(at)) for at in self._moments()]
        slots = 1
        while slots == 1 or slots * SLOT_S * 2 <= self._all_s:
            span = min(float(slots * SLOT_S), self._all_s)
            seen = sorted(
                self._until(at + span) - before
                for at, before in starts
                if at + span <= self._all_s + 1e-6
            )
            if len(seen) < 2:
                break
            self._spans.append(span)
            self._best.append(max(self._best[-1], seen[ceil((len(seen) - 1) * (1 - TAIL))]))
            self._worst.append(max(self._worst[-1], seen[floor((len(seen) - 1) * TAIL)]))
            slots = slots + 1 if slots < 12 else slots * 5 // 4

    def _moments(self) -> list[float]:
        """Moments like this one: as long after the last admissions. Too few of them: all."""
        telling = [index for index in range(len(self._ends) - 1) if self._step(index)]
        quiet_s = self._all_s - self._ends[telling[-1] + 1]
        alike = [
            self._ends[index + 1] + quiet_s
            for index, following in pairwise(telling)
            if self._ends[index + 1] + quiet_s <= self._ends[following]
        ]
        return alike if len(alike) >= FEW else self._ends[:-1]

    def _step(self, index: int) -> float:
        return self._sums[index + 1] - self._sums[index]

    def _until(self, at: float) -> float:
        """How many were admitted until then, spread evenly over each slot."""
        index = bisect_right(self._ends, at) - 1
        if index >= len(self._ends) - 1:
            return self._admitted
        share = (at - self._ends[index]) / (self._ends[index + 1] - self._ends[index])
        return self._sums[index] + self._step(index) * share

    def _reached(self, admitted: list[float], position: int, unseen_s: float) -> float:
        """When so many are admitted; beyond what was seen as it went on average until there."""
        index = bisect_left(admitted, position)
        if index < len(admitted):
            share = (position - admitted[index - 1]) / (admitted[index] - admitted[index - 1])
            return self._spans[index - 1] + share * (self._spans[index] - self._spans[index - 1])
        if not admitted[-1]:
            return max(self._spans[-1], unseen_s)
        return self._spans[-1] * position / admitted[-1]


def _telling(slots: list[tuple[float, int]]) -> list[tuple[float, int]]:
    """The last slots, as many as it takes to see enough of them with admissions."""
    telling = 0
    for count, (_, admitted) in enumerate(reversed(slots), 1):
        telling += admitted > 0
        if telling >= TELLING_SLOTS and count >= LEAST_SLOTS:
            return slots[-count:]
    return slots
