"""What a sample polled, and what that says about the whole crowd."""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import floor, sqrt

import msgspec

from onsale.rush.figures import Figures

#: The two-sided 95 % of a normal distribution.
SIGMAS = 1.96


class Polls(msgspec.Struct):
    """Of one client process, from the doors' opening on.

    `due`: by how many visitors one polled for, how many polls were due in each second. `sent_late`:
    sent after they were due, ms; `answered_late`: answered after they were due, ms; both as arrays
    of 32-bit floats, as are `intervals`: the gateway's poll_after_ms. `unanswered`: no answer came
    before the client gave up. `etas`: see Etas.counts.
    """

    due: dict[int, list[int]]
    sent_late: bytes
    answered_late: bytes
    intervals: bytes
    unanswered: int
    etas: tuple[int, int, int]


class Tally:
    """Notes polls while they happen. `began`: of the steady clock."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self._due: dict[int, list[int]] = {}
        self._sent_late, self._answered_late = array("f"), array("f")
        self._intervals = array("f")
        self.began = 0.0
        self.unanswered = 0

    def due(self, weight: int, due: float) -> None:
        """A poll of one who stands for `weight` visitors was due; others are not counted."""
        second = floor(due - self.began)
        if 0 <= second < self._seconds:
            counts = self._due.setdefault(weight, [0] * self._seconds)
            counts[second] += 1

    def answered(self, due: float, sent: float, received: float) -> None:
        """Its answer was there."""
        self._sent_late.append((sent - due) * 1000)
        self._answered_late.append((received - due) * 1000)

    def told(self, poll_after_ms: int) -> None:
        """When the gateway wants to be asked next."""
        self._intervals.append(poll_after_ms)

    def polls(self, etas: tuple[int, int, int]) -> Polls:
        """All of it, to be sent."""
        arrays = (self._sent_late, self._answered_late, self._intervals)
        sent_late, answered_late, intervals = (kept.tobytes() for kept in arrays)
        return Polls(self._due, sent_late, answered_late, intervals, self.unanswered, etas)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the whole crowd asks, by what the sample asked. `error`: of `per_s`, at 95 %."""

    per_s: float
    error: float
    counted_per_s: float
    by_second: list[float]

    @classmethod
    def of(cls, due: Mapping[int, Sequence[int]], seconds: int) -> "Asked":
        """Each poll counts for as many visitors as its own stands for.

        The error is that of independent polls; a visitor's own come at nearly even intervals, so
        that the true one is smaller.
        """
        by_second = [
            float(sum(weight * counts[second] for weight, counts in due.items()))
            for second in range(seconds)
        ]
        counted = sum(sum(counts) for counts in due.values())
        variance = sum(weight * weight * sum(counts) for weight, counts in due.items())
        # Nothing is unknown of those who are not sampled but counted.
        variance -= sum(due.get(1, ()))
        return cls(
            per_s=sum(by_second) / seconds,
            error=SIGMAS * sqrt(variance) / seconds,
            counted_per_s=counted / seconds,
            by_second=by_second,
        )


def together(parts: Iterable[Polls]) -> Polls:
    """Several processes' polls as one's."""
    due: dict[int, list[int]] = {}
    sent_late, answered_late, intervals = b"", b"", b""
    unanswered, etas = 0, (0, 0, 0)
    for part in parts:
        for weight, counts in part.due.items():
            known = due.get(weight, [0] * len(counts))
            due[weight] = [a + b for a, b in zip(known, counts, strict=True)]
        sent_late, answered_late = sent_late + part.sent_late, answered_late + part.answered_late
        intervals += part.intervals
        unanswered += part.unanswered
        held, too_soon, too_late = part.etas
        etas = (etas[0] + held, etas[1] + too_soon, etas[2] + too_late)
    return Polls(due, sent_late, answered_late, intervals, unanswered, etas)


def figures(packed: bytes) -> Figures:
    """The distribution of such an array."""
    values = array("f")
    values.frombytes(packed)
    return Figures.of(values)
