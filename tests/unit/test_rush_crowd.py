"""The crowd: drawn from a seed, of every kind, mostly buyers."""

from collections import Counter

import pytest

from onsale.rush.crowd import SHARES, Fate, Persona, draw, draw_crowd, seats_wanted


def crowd(visitors: int = 500, seed: int = 7, patience_s: float = 60) -> list[Persona]:
    return draw_crowd(visitors, patience_s=patience_s, seed=seed)


def test_a_seed_draws_the_same_crowd_again() -> None:
    assert crowd(seed=7) == crowd(seed=7)
    assert crowd(seed=7) != crowd(seed=8)


def test_a_slice_of_the_crowd_is_drawn_without_the_rest() -> None:
    slice_ = draw(range(100, 120), visitors=500, patience_s=60, seed=7)
    assert list(slice_) == crowd()[100:120]


@pytest.mark.parametrize("parts", [1, 2, 3, 7])
def test_a_crowd_is_the_same_in_any_number_of_processes(parts: int) -> None:
    shares = [
        draw(range(part, 500, parts), visitors=500, patience_s=60, seed=7) for part in range(parts)
    ]
    assert sorted((p for share in shares for p in share), key=lambda p: p.index) == crowd()


def test_a_visitor_decides_the_same_way_again() -> None:
    first, again = crowd()[3].dice(), crowd()[3].dice()
    assert [first.random() for _ in range(20)] == [again.random() for _ in range(20)]


def test_two_visitors_decide_independently() -> None:
    people = crowd()
    assert people[0].dice().random() != people[1].dice().random()


def test_every_kind_of_visitor_comes_in_about_its_share() -> None:
    fates = Counter(persona.fate for persona in crowd(5000))
    for fate, share in SHARES.items():
        assert fates[fate] == pytest.approx(5000 * share, rel=0.3)
    assert fates[Fate.BUY] > 5000 * 0.7


def test_some_reload_and_some_open_a_second_tab() -> None:
    people = crowd()
    assert 0 < sum(persona.second_tab for persona in people) < 100
    assert {persona.reloads for persona in people} == {0, 1, 2, 3}


def test_groups_are_of_one_to_four() -> None:
    assert {persona.group for persona in crowd()} == {1, 2, 3, 4}


def test_the_crowd_comes_at_once_and_within_its_patience() -> None:
    arrivals = sorted(persona.arrives_after_s for persona in crowd(patience_s=60))
    assert arrivals[-1] <= 6
    assert arrivals[len(arrivals) // 2] < 2
    assert max(persona.arrives_after_s for persona in crowd(patience_s=5)) <= 0.5


def test_a_bigger_crowd_comes_in_more_time() -> None:
    assert 6 < max(persona.arrives_after_s for persona in crowd(5000, patience_s=250)) <= 20


def test_nobody_is_more_patient_than_asked() -> None:
    people = crowd(patience_s=30)
    assert max(persona.patience_s for persona in people) == 30
    assert all(persona.steady == (persona.patience_s == 30) for persona in people)


def test_only_those_who_stay_until_they_have_seats_count_as_wanting_them() -> None:
    people = crowd()
    stayers = [p for p in people if p.fate is Fate.BUY and p.patience_s == 60]
    assert seats_wanted(people) == sum(p.group for p in stayers) > 300
