"""What intervals prove, against the slow way of counting."""

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from onsale.rush.windows import Span, busiest, overtaken, peak

MOMENTS = st.integers(0, 12).map(float)
SPANS = st.lists(
    st.tuples(MOMENTS, st.integers(0, 4).map(float)).map(lambda it: (it[0], it[0] + it[1])),
    max_size=12,
)


def test_spans_that_only_touch_do_not_overlap() -> None:
    assert peak([(0, 1), (1, 2)]) == (1, 0)
    assert peak([(0, 2), (1, 3), (1.5, 1.6)]) == (3, 1.5)


def test_a_span_that_ends_before_it_begins_proves_nothing() -> None:
    assert peak([(3, 1), (2, 2)]) == (0, 0.0)
    assert peak([]) == (0, 0.0)


@given(SPANS)
def test_the_peak_is_the_most_spans_over_one_moment(spans: list[Span]) -> None:
    moments = [begin for begin, _ in spans]
    slow = max((sum(a <= at < b for a, b in spans) for at in moments), default=0)
    assert peak(spans)[0] == slow


@given(SPANS, st.sampled_from([0.0, 0.5, 1.0, 3.0]))
def test_the_busiest_window_is_the_one_most_above_the_rate(spans: list[Span], per_s: float) -> None:
    windows = [(a, b) for a, _ in spans for _, b in spans if a <= b]
    counts = [(sum(a <= x and y <= b for x, y in spans), b - a) for a, b in windows]
    slow = max((count - per_s * length for count, length in counts if count), default=None)
    found = busiest(spans, per_s)
    if found is None:
        assert slow is None
    else:
        assert found.count == sum(found.begin <= x and y <= found.end for x, y in spans)
        assert found.count - per_s * found.length_s == slow


FACTS = st.lists(
    st.tuples(st.integers(1, 9), MOMENTS | st.just(-inf), MOMENTS | st.just(inf)),
    max_size=9,
    unique_by=lambda fact: fact[0],
)


@given(FACTS)
def test_a_number_is_overtaken_if_any_higher_one_had_its_turn_before(
    facts: list[tuple[int, float, float]],
) -> None:
    slow = {low for low, after, _ in facts if any(n > low and by < after for n, _, by in facts)}
    assert {lower for lower, _ in overtaken(facts)} == slow
