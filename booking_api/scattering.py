"""The best free seats wherever they are, side by side or not; leaving no orphan, if that is asked.

Without that rule they are the first in the order of loading. Where those would leave an orphan,
runs of free seats are weighed against each other: what so many seats of a run cost at least without
leaving one alone; then, over the runs, where so many are the cheapest.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple, TypeVar

from booking_api.seat_rows import AVAILABLE, Row, Run


class _Seat(NamedTuple):
    """A free seat that does not cost too much."""

    rank: int
    row: Row
    at: int

    @property
    def id(self) -> int:
        return self.row.ids[self.at]


class _Choice(NamedTuple):
    """Seats of one or several runs. `cost`: the sum of their ranks."""

    cost: int
    ids: tuple[int, ...]


_NOTHING = _Choice(0, ())
_Key = TypeVar("_Key")

#: What is before the seat that is looked at: one that is taken; a free one behind a taken one,
#: which must not stay alone; a free one with company, or nothing.
_TAKEN, _ALONE, _OPEN = range(3)


def scattered(
    rows: list[Row], count: int, max_price: Decimal | None, avoid_orphans: bool, most: int
) -> list[list[int]]:
    """Candidates as `seating.candidates` gives them; `rows` in the order of their best seats."""
    groups = _groups(rows, count, max_price, most)
    plain = [[seat.id for seat in group] for group in groups]
    if not avoid_orphans or not plain:
        return plain
    good = [[seat.id for seat in group] for group in groups if not _leaves_orphan(group)]
    if good and good[0] == plain[0]:
        return good
    best = _weighed(rows, count, max_price)
    if best is None:
        return plain
    return [list(best), *(ids for ids in good if best.isdisjoint(ids))][:most]


def _groups(rows: list[Row], count: int, max_price: Decimal | None, most: int) -> list[list[_Seat]]:
    """So many seats, and the next so many: `most` times, or while there are enough."""
    found = list[_Seat]()
    for row in rows:
        if len(found) >= count * most:
            found.sort(key=_rank)
            if found[count * most - 1].rank < row.best:
                break
        found += _free_seats(row, max_price)
    found.sort(key=_rank)
    ends = range(count, min(len(found), count * most) + 1, count)
    return [found[end - count : end] for end in ends]


def _rank(seat: _Seat) -> int:
    return seat.rank


def _free_seats(row: Row, max_price: Decimal | None) -> Iterator[_Seat]:
    for run in row.runs:
        for index in range(run.begin, run.end):
            if max_price is None or row.prices[index] <= max_price:
                yield _Seat(row.ranks[index], row, index)


def _leaves_orphan(seats: list[_Seat]) -> bool:
    taken = {(id(seat.row), seat.at) for seat in seats}
    return any(
        _side_by_side(seat.row, seat.at, alone)
        and seat.row.statuses[alone] == AVAILABLE
        and (id(seat.row), alone) not in taken
        and _side_by_side(seat.row, alone, beyond)
        and (seat.row.statuses[beyond] != AVAILABLE or (id(seat.row), beyond) in taken)
        for seat in seats
        for alone, beyond in ((seat.at - 1, seat.at - 2), (seat.at + 1, seat.at + 2))
    )


def _side_by_side(row: Row, index: int, other: int) -> bool:
    if not 0 <= other < len(row.places):
        return False
    return abs(row.places[other] - row.places[index]) == 1


def _weighed(rows: list[Row], count: int, max_price: Decimal | None) -> set[int] | None:
    """The cheapest seats that leave no orphan; None if there are no such.

    A part of the hall is looked at first, with more seats than are wanted: what is cheapest there
    is not always the cheapest of all. Where there is nothing, twice as much is looked at.
    """
    runs = [(row, run) for row in rows for run in row.runs]
    seats, scope = 0, 3 * count + 12
    best: dict[int, _Choice] = {0: _NOTHING}
    for number, (row, run) in enumerate(runs, 1):
        best = _together(best, _of_run(row, run, count, max_price), count)
        seats += run.end - run.begin
        if count in best and (seats >= scope or number == len(runs)):
            return set(best[count].ids)
    return None


def _together(
    ours: dict[int, _Choice], theirs: dict[int, _Choice], count: int
) -> dict[int, _Choice]:
    found = dict(ours)
    for some, choice in ours.items():
        for more, other in theirs.items():
            if some + more <= count:
                both = _Choice(choice.cost + other.cost, choice.ids + other.ids)
                _keep(found, some + more, both)
    return found


def _of_run(row: Row, run: Run, count: int, max_price: Decimal | None) -> dict[int, _Choice]:
    """So many seats of a run -> the cheapest of them that leave no orphan."""
    alone_already = run.end - run.begin == 1
    states = {(_TAKEN if run.after_taken else _OPEN, 0): _NOTHING}
    for index in range(run.begin, run.end):
        following = dict[tuple[int, int], _Choice]()
        for (before, taken), choice in states.items():
            _keep(following, (_ALONE if before == _TAKEN else _OPEN, taken), choice)
            dear = max_price is not None and row.prices[index] > max_price
            if before != _ALONE and taken < count and not dear:
                more = _Choice(choice.cost + row.ranks[index], (*choice.ids, row.ids[index]))
                _keep(following, (_TAKEN, taken + 1), more)
        states = following
    found = dict[int, _Choice]()
    for (before, taken), choice in states.items():
        if not (before == _ALONE and run.before_taken) or alone_already:
            _keep(found, taken, choice)
    return found


def _keep(known: dict[_Key, _Choice], key: _Key, choice: _Choice) -> None:
    if key not in known or choice.cost < known[key].cost:
        known[key] = choice
