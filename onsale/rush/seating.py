"""Which seats people want: the hall as a buyer sees it, and the choice among what is free."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any

AVAILABLE = "AVAILABLE"
SOLD = "SOLD"


@dataclass(frozen=True, slots=True)
class Plan:
    """The rows of a hall, the most wanted first; each row's seat numbers from left to right."""

    rows: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, seats: Iterable[Mapping[str, Any]]) -> "Plan":
        """Read the plan off a seat map's `seats`.

        The dearest row is the most wanted one; among equals A comes before B, and Z before AA.
        A seat number without a dash and digits at its end stands in a row of its own name.
        """
        rows: dict[str, list[tuple[int, str]]] = {}
        prices: dict[str, Decimal] = {}
        for seat in seats:
            number = str(seat["seat_number"])
            row, place = split(number)
            rows.setdefault(row, []).append((place, number))
            prices[row] = max(prices.get(row, Decimal(0)), Decimal(str(seat["price"])))
        order = sorted(rows, key=lambda row: (-prices[row], len(row), row))
        return cls(tuple(tuple(number for _, number in sorted(rows[row])) for row in order))


@dataclass(slots=True)
class Hall:
    """One date as one visitor sees it: what was free and unsold when it last looked."""

    schedule_id: int
    plan: Plan
    version: str = ""
    free: set[str] = field(default_factory=set)
    unsold: set[str] = field(default_factory=set)

    def take_in(self, seat_map: Mapping[str, Any]) -> None:
        """A seat map, whole or only what changed."""
        self.version = str(seat_map["version"])
        for seat in seat_map["seats"]:
            number, status = seat["seat_number"], seat["status"]
            (self.free.add if status == AVAILABLE else self.free.discard)(number)
            (self.unsold.discard if status == SOLD else self.unsold.add)(number)

    @property
    def sold_out(self) -> bool:
        """Whether nothing can become free again; a seat on hold can."""
        return not self.unsold


def split(seat_number: str) -> tuple[str, int]:
    """The row and the place in it: "A-12" is ("A", 12), "Floor-C-3" is ("Floor-C", 3)."""
    row, _, place = seat_number.rpartition("-")
    return (row, int(place)) if row and place.isdecimal() else (seat_number, 0)


def row_name(index: int) -> str:
    """The name of a row counted from the front: A … Z, AA, AB …"""
    name = ""
    index += 1
    while index:
        index, letter = divmod(index - 1, 26)
        name = chr(ord("A") + letter) + name
    return name


def pick(plan: Plan, free: Container[str], group: int, dice: Random, pull: float) -> list[str]:
    """Choose up to `group` free seats: together, near the front, near the middle of the row.

    The row is drawn: its rank among the rows with room for the group is exponential with mean
    1 / `pull`, so everybody wants the front and not everybody wants the same seat. Where nobody
    can sit together any more, the best single seats are taken, and fewer when fewer are left;
    [] means that nothing is free.
    """
    together = [blocks for row in plan.rows if (blocks := _blocks(row, free, group))]
    if together:
        blocks = together[_rank(len(together), dice, pull)]
        return list(blocks[_rank(len(blocks), dice, 1.0)])
    singles = [number for row in plan.rows for number in row if number in free]
    chosen: list[str] = []
    while singles and len(chosen) < group:
        chosen.append(singles.pop(_rank(len(singles), dice, pull)))
    return chosen


def _blocks(row: tuple[str, ...], free: Container[str], group: int) -> list[tuple[str, ...]]:
    """The runs of `group` free neighbours in this row, the one nearest to the middle first."""
    starts = []
    run = 0
    for index, number in enumerate(row):
        run = run + 1 if number in free else 0
        if run >= group:
            starts.append(index - group + 1)
    middle = (len(row) - group) / 2
    starts.sort(key=lambda start: abs(start - middle))
    return [row[start : start + group] for start in starts]


def _rank(choices: int, dice: Random, pull: float) -> int:
    # Draws beyond the end are spread over all choices: put on the last, they would all meet there.
    rank = int(dice.expovariate(pull))
    return rank if rank < choices else dice.randrange(choices)
