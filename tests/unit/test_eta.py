"""How long a wait may be: the range told is right, and says something."""

import pytest

from queue_gateway.answers import Wait
from queue_gateway.eta import Outlook, Pace
from tests.outflow import HEAD, SCENARIOS, Coverage, measured


def table(figures: dict[str, Coverage]) -> str:
    return "\n".join(["", HEAD, *(coverage.row(name) for name, coverage in figures.items())])


def test_the_ranges_told_are_right_and_say_something() -> None:
    # Every scenario, without pauses and with them; in one test, because they take long.
    figures = {
        f"{name}{', with pauses' * pauses}": measured(flow, pauses=pauses)
        for name, flow in SCENARIOS.items()
        for pauses in (False, True)
    }
    # The real wait falls into the range four times of five.
    assert all(coverage.share >= 0.8 for coverage in figures.values()), table(figures)
    # Once two minutes were measured, a range ends at most at three times its start.
    assert all(coverage.widest <= 3 for coverage in figures.values()), table(figures)
    # A steady line is told closer than one that moves in bursts.
    steady = figures["steady, 600 a minute"].widths
    bursts = figures["50 at once each 35 to 85 s"].widths
    assert sum(steady) / len(steady) < sum(bursts) / len(bursts)


def lane(*slots: tuple[int, int]) -> list[Pace]:
    """Of (admitted, busy_ms)."""
    return [Pace(admitted, (admitted,), (busy_ms,)) for admitted, busy_ms in slots]


@pytest.mark.parametrize(
    "pace",
    [[], lane((0, 0), (0, 0)), lane((0, 10_000), (0, 10_000)), lane((5, 0))],
    ids=["no slots", "no line", "nobody admitted", "joined an empty line"],
)
def test_nothing_is_told_where_nothing_was_measured(pace: list[Pace]) -> None:
    assert Outlook(pace, 0).wait(1) is None


def test_time_in_which_the_line_could_not_move_changes_nothing() -> None:
    moving = [(10, 10_000)] * 12
    standing = lane(*moving[:6], *[(0, 0)] * 30, *moving[6:])
    for position in (1, 30, 500):
        assert Outlook(standing, 0).wait(position) == Outlook(lane(*moving), 0).wait(position)


def test_each_lane_has_its_own_pace_in_its_own_time() -> None:
    # The first lane was busy for a second in each slot, the other one always.
    pace = [Pace(11, (1, 10), (1000, 10_000))] * 30
    for index in (0, 1):
        told = Outlook(pace, index).wait(60)
        assert told is not None
        assert told.low <= 60 <= told.high
    slower = Outlook([Pace(11, (1, 10), (10_000, 10_000))] * 30, 0).wait(60)
    assert slower is not None
    assert slower.low <= 600 <= slower.high


def test_the_next_one_is_told_a_second_at_least() -> None:
    assert Outlook(lane(*[(1000, 10_000)] * 30), 0).wait(1) == Wait(low=1, high=1)


def test_further_back_is_never_told_sooner() -> None:
    pace = lane(*[(count, 10_000) for count in (0, 30, 0, 0, 50, 0, 10) * 8])
    waits = [Outlook(pace, 0).wait(position) for position in range(1, 2000, 7)]
    known = [wait for wait in waits if wait]
    assert len(known) == len(waits)
    assert [w.low for w in known] == sorted(w.low for w in known)
    assert [w.high for w in known] == sorted(w.high for w in known)
