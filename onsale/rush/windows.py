"""What intervals prove: how many held at one moment, how many fell into one window."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import inf

Span = tuple[float, float]  # from, to; seconds


@dataclass(frozen=True, slots=True)
class Window:
    """`count` things that certainly happened between `begin` and `end`."""

    begin: float
    end: float
    count: int

    @property
    def length_s(self) -> float:
        return self.end - self.begin


def peak(spans: Iterable[Span]) -> tuple[int, float]:
    """The most spans that cover one moment, and that moment; (0, 0.0) of none.

    A span that ends before it begins proves nothing and is left out.
    """
    steps = sorted(step for begin, end in spans if begin < end for step in ((begin, 1), (end, -1)))
    most, at, now = 0, 0.0, 0
    for moment, change in steps:  # at one moment ends come first: touching is not overlapping
        now += change
        if now > most:
            most, at = now, moment
    return most, at


def busiest(spans: Sequence[Span], per_s: float) -> Window | None:
    """The window with the most events above `per_s` times its length; None without events.

    Each span holds one event, at an unknown moment; a window is credited with those events only
    whose whole span lies in it. Every window matters, so n**2 / 2 of them: begins are taken from
    the last to the first, and a tree over the ends keeps the best sum of what precedes each.
    """
    if not spans:
        return None
    ends = sorted({end for _, end in spans})
    tree = _Prefixes([-per_s * gap for gap in _gaps(ends)])
    best, best_begin = -inf, 0.0
    for begin, end in sorted(spans, reverse=True):
        tree.count(bisect_left(ends, end))
        excess = tree.best() + per_s * (begin - ends[0])
        if excess > best:
            best, best_begin = excess, begin
    inside = sorted(end for begin, end in spans if begin >= best_begin)
    last = max(
        range(len(inside)), key=lambda index: index + 1 - per_s * (inside[index] - best_begin)
    )
    return Window(best_begin, inside[last], last + 1)


def overtaken(facts: Iterable[tuple[int, float, float]]) -> Iterator[tuple[int, int]]:
    """Pairs (lower, higher) of numbers out of order, at most one for each lower number.

    A fact is (number, not_before, by): the number had its turn after `not_before` and had had it
    at `by`. -inf and inf where that is not known.
    """
    first, holder = inf, 0
    for number, not_before, by in sorted(facts, reverse=True):
        if first < not_before:
            yield number, holder
        if by < first:
            first, holder = by, number


def _gaps(ends: Sequence[float]) -> Iterator[float]:
    return (end - before for before, end in zip([ends[0], *ends], ends, strict=False))


class _Prefixes:
    """Weights in a row; the greatest sum from the first up to one that was counted."""

    def __init__(self, weights: Sequence[float]) -> None:
        self._size = 1 << (len(weights) - 1).bit_length()
        self._sums = [0.0] * self._size + [*weights] + [0.0] * (self._size - len(weights))
        self._best = [-inf] * (2 * self._size)  # nothing was counted
        for node in range(self._size - 1, 0, -1):
            self._sums[node] = self._sums[2 * node] + self._sums[2 * node + 1]

    def count(self, index: int) -> None:
        """One more at this place."""
        node = self._size + index
        self._sums[node] += 1
        self._best[node] = self._sums[node]
        while node > 1:
            node //= 2
            left, right = 2 * node, 2 * node + 1
            self._sums[node] = self._sums[left] + self._sums[right]
            self._best[node] = max(self._best[left], self._sums[left] + self._best[right])

    def best(self) -> float:
        return self._best[1]
