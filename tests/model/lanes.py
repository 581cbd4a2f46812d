"""A room's lanes in plain Python: which lines there are, and whose turn it is."""

from collections.abc import Sequence
from dataclasses import dataclass

#: Lanes that a room may have.
MOST = 4
#: One admission, in the unit of credits.
TURN = 1_000_000


@dataclass(eq=False)
class Lane:
    """One lane; `slot` says which of the room's lines is its own."""

    name: str
    weight: int
    slot: int
    credit: int = 0


def only_line() -> list[Lane]:
    """Of a room without lanes."""
    return [Lane("", 1, 0)]


def parse(text: str) -> list[tuple[str, int]]:
    """The (name, weight) of 'name:weight,...'."""
    parts = [part.split(":") for part in text.split(",") if part]
    return [(name, int(weight)) for name, weight in parts]


def redefined(
    before: Sequence[Lane], declared: Sequence[tuple[str, int]], busy: set[int]
) -> list[Lane] | None:
    """The lanes from now on; None when a line in which somebody waits would be nobody's."""
    if not declared:
        return None if busy - {0} else only_line()
    slots = {lane.name: lane.slot for lane in before}
    kept = {name: slots[name] for name, _ in declared if name in slots}
    last = declared[-1][0]
    if last not in kept and before[-1].slot not in kept.values():
        kept[last] = before[-1].slot  # another name for the same line
    if busy - set(kept.values()):
        return None
    free = sorted(set(range(MOST)) - set(kept.values()))
    return [
        Lane(name, weight, kept[name] if name in kept else free.pop(0)) for name, weight in declared
    ]


def next_lane(lanes: Sequence[Lane], busy: set[int]) -> Lane | None:
    """Whose turn it is among the lanes of these slots: smooth weighted round robin."""
    weights = sum(lane.weight for lane in lanes if lane.slot in busy)
    given = 0
    for lane in lanes:
        if lane.slot in busy:
            share = lane.weight * TURN // weights
            lane.credit += share
            given += share
        else:
            lane.credit = 0
    chosen = max((lane for lane in lanes if lane.slot in busy), key=_credit, default=None)
    if chosen:
        chosen.credit -= given
    return chosen


def _credit(lane: Lane) -> int:
    return lane.credit
