"""Which free seats are the best: candidates, from the hall as the process knows it.

The better seat is the one that was loaded earlier; of several, those with the lowest sum of ranks.
An orphan is a free seat between two that are not free. The end of a row and an aisle make none.

Candidates are guesses: the hall may be up to a second old, so the statement that holds seats judges
them again under its locks.
"""

from bisect import insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from booking_api.scattering import scattered
from booking_api.seat_rows import Row, Run

#: As many as a statement may try, one after the other.
MOST_CANDIDATES = 50


@dataclass(frozen=True, slots=True)
class BestAvailable:
    """What a visitor wants: so many seats, side by side or not, none dearer than this."""

    count: int
    adjacent: bool = True
    section: str | None = None
    max_price: Decimal | None = None


class _Block(NamedTuple):
    """Seats side by side. `cost`: the sum of their ranks."""

    cost: int
    rank: int
    begin: int
    ids: list[int]


class _Blocks(NamedTuple):
    """What a row offers, the best first. `apart`: none share a seat; `lonely`: leave orphans."""

    apart: list[_Block]
    overlapping: list[_Block]
    lonely: list[_Block]


def candidates(
    rows: Iterable[Row],
    wanted: BestAvailable,
    *,
    avoid_orphans: bool = False,
    most: int = MOST_CANDIDATES,
) -> list[list[int]]:
    """Seats (concert_seat_id) that would do, the best first; none when there are none.

    `rows` in the order of their best seats. With `avoid_orphans` all leave none, if any does. No
    two of them share a seat while there are others: who loses one to somebody else does not lose
    the next one with it.
    """
    fitting = [row for row in rows if wanted.section in (None, row.section)]
    if wanted.max_price is not None:
        fitting = [row for row in fitting if row.least_price <= wanted.max_price]
    if not wanted.adjacent:
        return scattered(fitting, wanted.count, wanted.max_price, avoid_orphans, most)
    return [block.ids for block in _best(fitting, wanted, avoid_orphans, most)]


def _best(rows: list[Row], wanted: BestAvailable, avoid_orphans: bool, most: int) -> list[_Block]:
    apart, overlapping, lonely = list[_Block](), list[_Block](), list[_Block]()
    for row in rows:
        if len(apart) >= most and apart[most - 1].cost <= _least_cost(row, wanted.count):
            break
        found = _known_blocks(row, wanted, avoid_orphans, most)
        for block in found.apart:
            insort(apart, block)
        overlapping += found.overlapping
        lonely += found.lonely
    good = apart[:most]
    if len(good) < most:
        good += sorted(overlapping)[: most - len(good)]
    return good or sorted(lonely)[:most]


def _least_cost(row: Row, count: int) -> int:
    """No block of the row has less."""
    return count * row.best + count * (count - 1) // 2


def _known_blocks(row: Row, wanted: BestAvailable, avoid_orphans: bool, most: int) -> _Blocks:
    """Worked out anew only after the row changed, or where it has seats that cost too much."""
    if wanted.max_price is not None and row.most_price > wanted.max_price:
        return _blocks(row, wanted, avoid_orphans, most)
    key = (wanted.count, avoid_orphans, most)
    found: _Blocks | None = row.known.get(key)
    if found is None:
        found = row.known[key] = _blocks(row, wanted, avoid_orphans, most)
    return found


def _blocks(row: Row, wanted: BestAvailable, avoid_orphans: bool, most: int) -> _Blocks:
    found, taken = _Blocks([], [], []), set[int]()
    begins = _begins(row, wanted.count)
    if not row.ascending:
        begins = iter(sorted(begins, key=lambda found: _cost(row, found[1], wanted.count)))
    for run, begin in begins:
        end = begin + wanted.count
        if wanted.max_price is not None and max(row.prices[begin:end]) > wanted.max_price:
            continue
        block = _Block(_cost(row, begin, wanted.count), row.ranks[begin], begin, row.ids[begin:end])
        if avoid_orphans and _leaves_orphan(run, begin, end):
            if len(found.lonely) < most:
                found.lonely.append(block)
        elif taken.isdisjoint(block.ids):
            taken.update(block.ids)
            found.apart.append(block)
            if len(found.apart) == most:
                break
        elif len(found.overlapping) < most:
            found.overlapping.append(block)
    return found


def _begins(row: Row, count: int) -> Iterator[tuple[Run, int]]:
    """Where so many free seats side by side begin."""
    for run in row.runs:
        for begin in range(run.begin, run.end - count + 1):
            yield run, begin


def _cost(row: Row, begin: int, count: int) -> int:
    return row.sums[begin + count] - row.sums[begin]


def _leaves_orphan(run: Run, begin: int, end: int) -> bool:
    """Whether taking these seats of a run leaves one alone between them and a taken one."""
    return (run.after_taken and begin - run.begin == 1) or (run.before_taken and run.end - end == 1)
