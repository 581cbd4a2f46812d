"""Rows of a hall as the process keeps them: who sits next to whom, and what is free."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

#: A seat's status in one character, as compact seat maps say it.
AVAILABLE, RESERVED, SOLD = b"ARS"
LETTERS = {"AVAILABLE": AVAILABLE, "RESERVED": RESERVED, "SOLD": SOLD}

_FREE = re.compile(rb"A+")


class Run(NamedTuple):
    """Free seats side by side: from `begin` to `end` (excluded) of a row.

    `after_taken`, `before_taken`: what bounds it there is a seat that is not free, and not the end
    of the row or an aisle.
    """

    begin: int
    end: int
    after_taken: bool
    before_taken: bool


@dataclass(eq=False)
class Row:
    """Seats in the order of their places. A seat without a row is one by itself.

    `ranks`: their places in the order of loading, in which a lower one is the better seat. Only
    statuses change; a row that gets more seats is made anew.
    """

    section: str
    name: str | None
    ids: list[int]
    ranks: list[int]
    places: list[int]
    prices: list[Decimal]
    statuses: bytearray
    #: What was worked out of the statuses.
    known: dict[Any, Any] = field(default_factory=dict)

    def change(self, index: int, status: int) -> None:
        """A seat's status is another now."""
        self.statuses[index] = status
        self.known.clear()

    @cached_property
    def best(self) -> int:
        """The rank of its best seat, free or not."""
        return min(self.ranks)

    @cached_property
    def ascending(self) -> bool:
        """Whether seats of higher places were loaded later."""
        return all(a < b for a, b in pairwise(self.ranks))

    @cached_property
    def sums(self) -> list[int]:
        """Of the ranks before each seat, and of all."""
        return [0, *accumulate(self.ranks)]

    @cached_property
    def least_price(self) -> Decimal:
        return min(self.prices)

    @cached_property
    def most_price(self) -> Decimal:
        return max(self.prices)

    @property
    def runs(self) -> list[Run]:
        """Its free seats."""
        found: list[Run] | None = self.known.get("runs")
        if found is None:
            found = self.known["runs"] = list(self._runs())
        return found

    def _runs(self) -> Iterator[Run]:
        for begin, end in self._parts:
            for free in _FREE.finditer(self.statuses, begin, end):
                yield Run(*free.span(), free.start() > begin, free.end() < end)

    @cached_property
    def _parts(self) -> list[tuple[int, int]]:
        """Seats whose places follow one another, whatever their status."""
        gaps = [i for i, (a, b) in enumerate(pairwise(self.places), 1) if b != a + 1]
        return list(pairwise([0, *gaps, len(self.places)]))
