"""What a sample polled, and what the crowd of which it is one asks."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onsale.rush.scale.plan import Plan
from onsale.rush.scale.tally import Asked, Polls, Tally, figures, together


def test_a_poll_counts_for_as_many_as_its_visitor_stands_for() -> None:
    asked = Asked.of({1: [10, 30], 20: [2, 4]}, seconds=2)
    assert asked.by_second == [50.0, 110.0]
    assert (asked.per_s, asked.counted_per_s) == (80.0, 23.0)


def test_what_everybody_polled_for_real_is_known_without_an_error() -> None:
    assert Asked.of({1: [10, 30]}, seconds=2).error == 0.0


def test_the_error_is_that_of_the_sampled_ones() -> None:
    # 400 polls that count 20 times each: 20 x sqrt(400) = 400 in 4 s, and 1.96 times that at 95 %.
    assert Asked.of({1: [500] * 4, 20: [100] * 4}, seconds=4).error == pytest.approx(196.0)


def test_a_second_without_polls_is_none_left_out() -> None:
    assert Asked.of({}, seconds=3).by_second == [0.0, 0.0, 0.0]


@given(
    visitors=st.integers(100, 3_000_000),
    seconds=st.integers(5, 60),
    sample=st.integers(1_300, 3_000),
    per_s=st.integers(1, 20),
)
def test_the_sample_stands_for_the_crowd(
    visitors: int, seconds: int, sample: int, per_s: int
) -> None:
    plan = Plan.fitting(visitors, seconds, sample, per_s)
    weights = Counter(map(plan.weight, plan.sampled()))
    represented = sum(weight * count for weight, count in weights.items())
    assert visitors - plan.stride < represented <= visitors
    assert weights.total() == plan.sample <= sample
    assert 0 not in weights


def test_those_who_may_be_let_in_are_all_real() -> None:
    plan = Plan.fitting(1_000_000, 60, 30_000, 100)
    assert all(plan.weight(number) == 1 for number in range(1, plan.front + 1))
    # All that the rate lets in while the sample polls, with its burst.
    assert plan.front >= 100 * 60 + 100


def test_a_sample_too_small_for_the_front_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="--sample 100 is too small: the 640"):
        Plan.fitting(10_000, 60, 100, 10)


def test_polls_outside_the_time_are_not_counted() -> None:
    tally = Tally(2)
    tally.began = 100.0
    for due in (99.9, 100.0, 101.9, 102.0):
        tally.due(5, due)
    assert tally.polls((0, 0, 0)).due == {5: [1, 1]}


def test_lateness_counts_from_when_a_poll_was_due() -> None:
    tally = Tally(1)
    tally.answered(due=10.0, sent=10.5, received=12.0)
    polls = tally.polls((0, 0, 0))
    assert figures(polls.sent_late).max == 500.0
    assert figures(polls.answered_late).max == 2000.0


def test_several_processes_are_one_sample() -> None:
    one, other = Tally(1), Tally(1)
    for tally, weight in ((one, 1), (one, 7), (other, 7)):
        tally.due(weight, 0.5)
        tally.answered(0.5, 0.5 + weight / 1000, 0.6)
    one.unanswered, other.unanswered = 2, 3
    both = together([one.polls((1, 2, 3)), other.polls((10, 20, 30))])
    assert both.due == {1: [1], 7: [2]}
    assert figures(both.sent_late).count == 3
    assert (both.unanswered, both.etas) == (5, (11, 22, 33))


def test_of_no_process_there_are_no_polls() -> None:
    assert together([]) == Polls({}, b"", b"", b"", 0, (0, 0, 0))
