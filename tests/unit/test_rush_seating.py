"""The choice of seats: from the front, together, and never one that is taken."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onsale.rush.box_office import hall
from onsale.rush.seating import Hall, Plan, pick, row_name, split

PLAN = Plan.of(hall(300))
EVERY = frozenset(number for row in PLAN.rows for number in row)


def test_a_hall_has_as_many_distinct_seats_as_asked() -> None:
    for seats in (1, 2, 30, 299, 300, 5000):
        assert len({seat["seat_number"] for seat in hall(seats)}) == seats


def test_a_hall_has_price_bands_from_the_front() -> None:
    prices = [seat["price"] for seat in hall(300)]
    assert sorted(set(prices), key=prices.index) == ["120.00", "80.00", "45.00"]


@pytest.mark.parametrize(
    ("index", "name"), [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (52, "BA"), (701, "ZZ")]
)
def test_rows_are_named_like_columns_of_a_sheet(index: int, name: str) -> None:
    assert row_name(index) == name


@pytest.mark.parametrize(
    ("number", "parts"),
    [("A-12", ("A", 12)), ("Floor-C-3", ("Floor-C", 3)), ("17", ("17", 0)), ("-4", ("-4", 0))],
)
def test_a_seat_number_tells_its_row(number: str, parts: tuple[str, int]) -> None:
    assert split(number) == parts


def test_the_dearest_row_is_the_front_whatever_the_order_of_the_map() -> None:
    seats = [*reversed(hall(300))]
    assert Plan.of(seats) == PLAN
    assert PLAN.rows[0][:3] == ("A-1", "A-2", "A-3")


@given(st.sets(st.sampled_from(sorted(EVERY))), st.integers(1, 4), st.integers(0, 10**6))
def test_what_is_picked_is_free_and_as_many_as_there_are(
    free: set[str], group: int, seed: int
) -> None:
    chosen = pick(PLAN, free, group, Random(seed), 0.7)
    assert set(chosen) <= free
    assert len(set(chosen)) == len(chosen) == min(group, len(free))


def test_a_group_sits_together_while_any_row_has_room() -> None:
    for seed in range(50):
        rows, places = zip(*map(split, pick(PLAN, EVERY, 4, Random(seed), 0.7)), strict=True)
        assert len(set(rows)) == 1
        assert sorted(places) == list(range(min(places), min(places) + 4))


def test_a_group_takes_scattered_seats_when_none_are_together() -> None:
    free = {"A-1", "C-5", "F-9"}
    assert set(pick(PLAN, free, 3, Random(1), 0.7)) == free


def test_everybody_wants_the_front_and_not_everybody_the_same_seat() -> None:
    dice = Random(3)
    picked = Counter(pick(PLAN, EVERY, 1, dice, 0.7)[0] for _ in range(1000))
    front = {number for row in PLAN.rows[:3] for number in row}
    assert sum(count for number, count in picked.items() if number in front) > 600
    assert len(picked) > 20


def test_nothing_free_is_nothing_picked() -> None:
    assert pick(PLAN, set(), 2, Random(1), 0.7) == []


def seat(number: str, status: str) -> dict[str, str]:
    return {"seat_number": number, "status": status, "price": "80.00"}


def test_a_hall_follows_the_changes_of_its_map() -> None:
    hall_seen = Hall(1, PLAN)
    hall_seen.take_in({"version": 4, "seats": [seat("A-1", "AVAILABLE"), seat("A-2", "RESERVED")]})
    assert (hall_seen.free, hall_seen.sold_out) == ({"A-1"}, False)
    hall_seen.take_in({"version": 5, "seats": [seat("A-1", "SOLD"), seat("A-2", "AVAILABLE")]})
    assert (hall_seen.free, hall_seen.version) == ({"A-2"}, "5")
    hall_seen.take_in({"version": 6, "seats": [seat("A-2", "RESERVED")]})
    assert (hall_seen.free, hall_seen.sold_out) == (set(), False)
    hall_seen.take_in({"version": 7, "seats": [seat("A-2", "SOLD")]})
    assert hall_seen.sold_out
