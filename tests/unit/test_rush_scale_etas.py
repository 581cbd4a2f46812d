"""Ranges of waits, held against what was seen: only what is proved wrong is wrong."""

from math import inf

from onsale.rush.scale.etas import NEVER, Etas, Told

#: Told between second 10 and 11: a wait of 20 to 40 s.
TOLD = Told(sent=10.0, received=11.0, low_s=20, high_s=40)


def judged(after: float, by: float, until: float = 100.0) -> tuple[int, int, int]:
    etas = Etas()
    etas.judge([TOLD], after, by, until)
    return etas.counts()


def test_an_admission_within_the_range_holds_it() -> None:
    assert judged(after=35, by=36) == (1, 0, 0)


def test_whoever_still_waits_after_its_end_was_told_too_little() -> None:
    assert judged(after=51.5, by=NEVER) == (0, 1, 0)


def test_whoever_is_in_before_its_beginning_was_told_too_much() -> None:
    assert judged(after=20, by=28.9) == (0, 0, 1)


def test_waits_are_told_in_seconds_begun() -> None:
    assert judged(after=20, by=29) == (1, 0, 0)


def test_an_admission_at_an_unknown_moment_around_an_edge_proves_nothing() -> None:
    assert judged(after=25, by=31) == (1, 0, 0)
    assert judged(after=50, by=60) == (1, 0, 0)


def test_a_range_that_ends_after_the_last_poll_is_left_out_whatever_came() -> None:
    assert judged(after=20, by=29, until=50) == (0, 0, 0)


def test_never_is_later_than_everything() -> None:
    assert inf == NEVER
