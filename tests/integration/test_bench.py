"""The benchmarks run; their figures are for a quiet machine."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from bench.__main__ import main
from bench.report import Figure, Measure, Report, in_turns


async def test_variants_are_measured_in_turns_that_turn_around() -> None:
    order: list[str] = []

    def variant(name: str) -> Measure:
        async def measure() -> dict[str, float]:
            order.append(name)
            return {"time": float(len(order))}

        return measure

    found = await in_turns(3, {"short": variant("short"), "long": variant("long")})
    assert order == ["short", "long", "long", "short", "short", "long"]
    assert found == {"time": {"short": [1.0, 4.0, 5.0], "long": [2.0, 3.0, 6.0]}}


def test_a_ratio_is_the_median_of_the_rounds_each_with_its_own_pair() -> None:
    # The machine was ten times as slow in the second round.
    figure = Figure("poll", "µs", {"short": [10, 100, 10], "long": [12, 120, 13]}, limit=1.2)
    assert figure.ratio("long") == pytest.approx(1.2)
    assert figure.ratio("short") == 1


def test_what_costs_more_than_it_may_is_said() -> None:
    figure = Figure("poll", "µs", {"short": [10.0], "long": [14.0]}, limit=1.3)
    report = Report("Lines", [figure])
    assert not report.kept
    console = Console(record=True, width=120)
    report.show(console)
    assert "poll: more than 1.3 times" in console.export_text()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_benchmark_runs(tmp_path: Path) -> None:
    found = tmp_path / "found.json"
    assert main(["--quick", "--json", str(found)]) == 0
    for report in json.loads(found.read_text()).values():
        assert report["figures"]
        for figure in report["figures"].values():
            for variant in figure["variants"].values():
                assert variant["min"] <= variant["median"] <= variant["max"]
