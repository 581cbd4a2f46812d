"""The best free seats: as good as trying all of them, and quick in a large hall."""

import random
import time
from collections.abc import Iterator
from decimal import Decimal
from itertools import combinations, pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from booking_api.seat_rows import AVAILABLE, RESERVED, Row
from booking_api.seating import BestAvailable, candidates

CHEAP, DEAR = Decimal("40.00"), Decimal("90.00")


def row(statuses: str, *, ranks: list[int] | None = None, section: str = "", aisle: int = 0) -> Row:
    """A row of such seats; the places after the first `aisle` ones are one further away.

    Lower case: a cheap one. Ids are ranks and 100 more.
    """
    ranks = ranks or list(range(len(statuses)))
    return Row(
        section,
        "A",
        [rank + 100 for rank in ranks],
        ranks,
        [n + (n > aisle > 0) for n in range(1, len(statuses) + 1)],
        [CHEAP if letter.islower() else DEAR for letter in statuses],
        bytearray(statuses.upper().encode()),
    )


def ranks_of(found: list[list[int]]) -> list[list[int]]:
    return [sorted(seat_id - 100 for seat_id in seats) for seats in found]


@st.composite
def halls(draw: st.DrawFn) -> list[Row]:
    """A few short rows, loaded in any order, with aisles, some seats taken."""
    rows = draw(st.lists(st.text("AAARSar", min_size=1, max_size=7), min_size=1, max_size=3))
    order = list(range(sum(map(len, rows))))
    if draw(st.booleans()):
        draw(st.randoms(use_true_random=False)).shuffle(order)
    hall = []
    for number, statuses in enumerate(rows):
        ranks, order = order[: len(statuses)], order[len(statuses) :]
        section = draw(st.sampled_from(["LEFT", "RIGHT"])) if number else "LEFT"
        hall.append(row(statuses, ranks=ranks, section=section, aisle=draw(st.integers(0, 6))))
    return sorted(hall, key=lambda each: each.best)


wishes = st.builds(
    BestAvailable,
    count=st.integers(1, 4),
    adjacent=st.booleans(),
    section=st.sampled_from([None, None, "LEFT"]),
    max_price=st.sampled_from([None, None, CHEAP]),
)


def fitting(hall: list[Row], wanted: BestAvailable) -> Iterator[frozenset[int]]:
    """The ranks of all seats that would do."""
    free = [
        (each, index)
        for each in hall
        for index in range(len(each.ids))
        if each.statuses[index] == AVAILABLE
        and wanted.section in (None, each.section)
        and (wanted.max_price is None or each.prices[index] <= wanted.max_price)
    ]
    for seats in combinations(free, wanted.count):
        in_a_row = all(
            a[0] is b[0] and b[0].places[b[1]] == a[0].places[a[1]] + 1 for a, b in pairwise(seats)
        )
        if in_a_row or not wanted.adjacent:
            yield frozenset(each.ranks[index] for each, index in seats)


def orphans(hall: list[Row], taken: frozenset[int]) -> set[int]:
    """The ranks of free seats between two that are not free, when these are taken, too."""
    found = set()
    for each in hall:
        at = {place: index for index, place in enumerate(each.places)}
        gone = {
            place
            for place, index in at.items()
            if each.statuses[index] != AVAILABLE or each.ranks[index] in taken
        }
        found |= {
            each.ranks[at[place]]
            for place in at.keys() - gone
            if place - 1 in gone and place + 1 in gone
        }
    return found


@settings(deadline=None)
@given(halls(), wishes)
def test_the_first_is_the_best_there_is(hall: list[Row], wanted: BestAvailable) -> None:
    possible = set(fitting(hall, wanted))

    found = [frozenset(ranks) for ranks in ranks_of(candidates(hall, wanted))]

    assert set(found) <= possible
    assert len(set(found)) == len(found)
    if possible:
        assert sum(found[0]) == min(map(sum, possible))


@settings(deadline=None)
@given(halls(), wishes)
def test_no_orphan_is_left_where_there_is_another_choice(
    hall: list[Row], wanted: BestAvailable
) -> None:
    possible = set(fitting(hall, wanted))
    before = orphans(hall, frozenset())
    good = {seats for seats in possible if orphans(hall, seats) <= before}

    found = [frozenset(ranks) for ranks in ranks_of(candidates(hall, wanted, avoid_orphans=True))]

    assert set(found) <= (good or possible)
    if possible:
        assert found
    if good and wanted.adjacent:
        assert sum(found[0]) == min(map(sum, good))


@settings(deadline=None)
@given(halls(), wishes, st.booleans())
def test_what_is_known_of_a_row_is_forgotten_when_a_seat_changes(
    hall: list[Row], wanted: BestAvailable, avoid_orphans: bool
) -> None:
    found = candidates(hall, wanted, avoid_orphans=avoid_orphans)
    for each in hall:
        for index, seat_id in enumerate(each.ids):
            if found and seat_id == found[0][0]:
                each.change(index, RESERVED)

    again = candidates(hall, wanted, avoid_orphans=avoid_orphans)

    assert not found or all(found[0][0] not in seats for seats in again)
    for each in hall:
        each.known.clear()
    assert candidates(hall, wanted, avoid_orphans=avoid_orphans) == again


def test_candidates_share_no_seat_while_there_are_others() -> None:
    found = ranks_of(candidates([row("AAAAA")], BestAvailable(2)))

    assert found == [[0, 1], [2, 3], [1, 2], [3, 4]]


def test_the_end_of_a_row_and_an_aisle_leave_nobody_alone() -> None:
    hall = [row("AAAASA", aisle=3)]

    found = ranks_of(candidates(hall, BestAvailable(2), avoid_orphans=True))

    assert found == [[0, 1], [1, 2]]


def test_an_orphan_is_left_where_there_is_nothing_else() -> None:
    hall = [row("SAAAS")]

    assert ranks_of(candidates(hall, BestAvailable(2), avoid_orphans=True)) == [[1, 2], [2, 3]]
    assert ranks_of(candidates(hall, BestAvailable(3), avoid_orphans=True)) == [[1, 2, 3]]


def test_better_seats_that_leave_an_orphan_are_passed_over() -> None:
    hall = [row("SAAAS"), row("AAAA", ranks=[5, 6, 7, 8])]

    assert ranks_of(candidates(hall, BestAvailable(2)))[0] == [1, 2]
    assert ranks_of(candidates(hall, BestAvailable(2), avoid_orphans=True))[0] == [5, 6]


def test_seats_side_by_side_may_not_cost_more_one_by_one() -> None:
    hall = [row("AaAaa")]

    assert ranks_of(candidates(hall, BestAvailable(2, max_price=CHEAP))) == [[3, 4]]


def test_only_so_many_candidates_are_given() -> None:
    hall = [row("A" * 40, ranks=list(range(n, n + 40))) for n in range(0, 400, 40)]

    for adjacent in (True, False):
        found = ranks_of(candidates(hall, BestAvailable(2, adjacent), most=30))
        assert found == [[n, n + 1] for n in range(0, 60, 2)]


def test_a_row_that_begins_well_does_not_hide_a_better_one() -> None:
    hall = [row("AAA", ranks=[0, 9, 10]), row("AAAA", ranks=[1, 2, 3, 4])]

    for adjacent, best in ((True, [1, 2]), (False, [0, 1])):
        assert ranks_of(candidates(hall, BestAvailable(2, adjacent), most=1)) == [best]


def test_a_hall_of_fifty_thousand_seats_takes_milliseconds() -> None:
    """Far more generous than what it takes: it tells a search of everything from one that ends."""
    chance = random.Random(7)
    hall = [
        row(
            "".join(chance.choices("ASa", k=50)),
            ranks=list(range(n, n + 50)),
            section=f"{n % 4}",
        )
        for n in range(0, 50_000, 50)
    ]
    wishes = [
        BestAvailable(2),
        BestAvailable(4, max_price=CHEAP),
        BestAvailable(4, adjacent=False),
        BestAvailable(12, section="3"),
    ]
    for avoid_orphans in (False, True):
        for wanted in wishes:
            candidates(hall, wanted, avoid_orphans=avoid_orphans)
            began = time.process_time()
            candidates(hall, wanted, avoid_orphans=avoid_orphans)
            assert time.process_time() - began < 1
