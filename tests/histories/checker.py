"""Is there one order of a seat's operations that explains every answer?

Wing and Gong's search with Lowe's memory ("Testing for linearizability", 2017): take, one after the
other, an operation that began before every other one still to be taken had ended; go back where the
seat cannot have told that. The same operations taken and the same seat are not searched twice,
unless it is earlier now: an earlier moment allows all that a later one does.
"""

from collections.abc import Iterator, Sequence

from tests.histories.seat import Operation, Seat, may_change, steps

#: Operations taken: all below the first number, and those of the bits from there on.
_Taken = tuple[int, int]
_Node = tuple[_Taken, Seat, float]


def linearizable(history: Sequence[Operation], seat: Seat | None = None) -> bool:
    """Whether one seat, at first `seat` (AVAILABLE), can have told this history."""
    asked = sorted(history, key=lambda operation: operation.begin)
    earliest: dict[tuple[_Taken, Seat], float] = {}
    stack: list[Iterator[_Node]] = []
    node: _Node = ((0, 0), seat or Seat(), float("-inf"))
    while True:
        node = _observe(asked, node)
        taken, now_seat, now = node
        if not any(asked[index].known for index in _left(asked, taken)):
            return True
        if now < earliest.get((taken, now_seat), float("inf")):
            earliest[taken, now_seat] = now
            stack.append(_next(asked, node))
        while stack:
            following = next(stack[-1], None)
            if following is not None:
                node = following
                break
            stack.pop()
        else:
            return False


def _observe(asked: Sequence[Operation], node: _Node) -> _Node:
    """Take whatever merely looks at the seat and may do so now: it stands in nobody's way."""
    taken, seat, now = node
    for index in list(_open(asked, taken)):
        operation = asked[index]
        if operation.begin > now or not operation.known or may_change(operation):
            continue
        for step in steps(seat, operation):
            if not step.changes and step.not_before <= now < step.before:
                taken = _take(taken, index)
                break
    return taken, seat, now


def _next(asked: Sequence[Operation], node: _Node) -> Iterator[_Node]:
    """Every operation that can be taken next, at the earliest moment it can happen."""
    taken, seat, now = node
    for index in sorted(_open(asked, taken), key=lambda index: asked[index].end):
        operation = asked[index]
        for step in steps(seat, operation):
            at = max(now, operation.begin, step.not_before)
            if at < step.before and (at <= operation.end or not operation.known):
                yield _take(taken, index), step.after, at


def _open(asked: Sequence[Operation], taken: _Taken) -> Iterator[int]:
    """Operations not taken that began before any other such had ended."""
    candidates = []
    first_end = float("inf")
    for index in _left(asked, taken):
        if asked[index].begin > first_end:
            break
        candidates.append(index)
        if asked[index].known:
            first_end = min(first_end, asked[index].end)
    return (index for index in candidates if asked[index].begin <= first_end)


def _take(taken: _Taken, index: int) -> _Taken:
    low, bits = taken
    bits |= 1 << (index - low)
    while bits & 1:
        low, bits = low + 1, bits >> 1
    return low, bits


def _left(asked: Sequence[Operation], taken: _Taken) -> Iterator[int]:
    low, bits = taken
    return (index for index in range(low, len(asked)) if not bits >> (index - low) & 1)
