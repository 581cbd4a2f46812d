"""Ranges of time that visitors were told, held against what then happened.

A range is wrong only where what was seen proves it: an answer was true at some moment between
request and answer, and an admission happened at some moment between two polls.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

#: Waits are told in whole seconds begun: one of half a second is told as 1.
BEGUN_S = 1.0


@dataclass(frozen=True, slots=True)
class Told:
    """A wait of `low_s` to `high_s`, told by an answer that was true between these moments."""

    sent: float
    received: float
    low_s: float
    high_s: float


@dataclass(slots=True)
class Etas:
    """Of the ranges whose end came: how many held, ended too soon, began too late."""

    held: int = 0
    too_soon: int = 0
    too_late: int = 0

    def judge(self, told: Iterable[Told], after: float, by: float, until: float) -> None:
        """One visitor's, admitted after `after` and by `by` (inf: not until `until`).

        What ends later than `until` is left out, whatever became of it: of those ranges only the
        ones that came true early would be known.
        """
        for eta in told:
            if eta.received + eta.high_s > until:
                continue
            if after > eta.received + eta.high_s:
                self.too_soon += 1
            elif by < eta.sent + eta.low_s - BEGUN_S:
                self.too_late += 1
            else:
                self.held += 1

    def counts(self) -> tuple[int, int, int]:
        """For a message."""
        return self.held, self.too_soon, self.too_late


#: Nobody has seen this one admitted.
NEVER = inf
