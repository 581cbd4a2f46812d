"""The benchmarks run; their figures are for a quiet machine."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from bench import page
from bench.__main__ import main
from bench.load import MISSING, P99, Amount, Request, WrongAnswers, cpu_s, load, prepared
from bench.pgbench import NTH, Statement
from bench.report import RATE, Figure, Measure, Report, in_turns, show_promises
from bench.servers import Server, constant

needs_wrk = pytest.mark.skipif(shutil.which("wrk") is None, reason="there is no wrk")


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


def test_what_is_slower_than_promised_is_said() -> None:
    found = {RATE: {"bare": [100.0, 10.0], "poll": [90.0, 9.0]}}
    figure = Figure.rated("poll", found, ("bare", "poll"), target=1.0)
    report = Report("Lines", [figure, Figure.rated("join", found, ("bare", "poll"), target=0.9)])
    assert not report.kept
    console = Console(record=True, width=120)
    report.show(console)
    show_promises({"queue": report}, console)
    shown = console.export_text()
    assert "poll: less than 1 times" in shown
    assert "join: less" not in shown
    assert [line.split()[-1] for line in shown.splitlines() if "0.90" in line] == [
        *("1", "0.9"),
        *("no", "yes"),
    ]


def test_the_page_says_what_was_found_and_always_with_the_same_bytes(tmp_path: Path) -> None:
    rated = {RATE: {"bare": [100.0], "poll": [150.0]}, P99: {"bare": [1.5], "poll": [2.5]}}
    sizes = {"1,000 wait": [10.0], "10,000 wait": [14.0]}
    report = Report(
        "Lines",
        [
            Figure.rated("poll & more", rated, ("bare", "poll"), target=1.0),
            Figure("store time", "µs", sizes, limit=1.3, grows=True),
        ],
        ["two rounds"],
    )
    before = f"# Title\n\nOurs.\n{page.BEGIN}\nold\n{page.END}\nMore of ours.\n"
    (tmp_path / "performance.md").write_text(before)
    page.write({"queue": {**page.conditions(), **report.as_dict()}}, tmp_path)
    written = {path.name: path.read_text() for path in tmp_path.rglob("*.*")}
    text = written["performance.md"]
    assert text.startswith("# Title\n\nOurs.\n")
    assert text.endswith("\nMore of ours.\n")
    assert "old" not in text
    assert "| poll & more: poll | bare | 150.00 (150.00 to 150.00) 1/s |" in text
    assert "| 1.40 | ≤ 1.3 | **no** | `make bench ARGS=queue` |" in text
    assert "poll &amp; more" in written["reached.svg"]
    assert "store time" in written["costs.svg"]
    assert "10,000" in written["growth.svg"]
    page.write({}, tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.rglob("*.*")} == written


def test_the_page_in_the_repository_is_that_of_the_figures_kept() -> None:
    runs = json.loads((page.DOCS / "performance.json").read_text())
    for name, text in page.files(runs).items():
        assert (page.DOCS / name).read_text() == text, f"run python -m bench.page: {name}"


def test_without_wrk_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert main(["--quick", "queue"]) == 2
    assert capsys.readouterr().err.strip() == MISSING
    assert "apt-get install wrk" in MISSING


def test_a_statement_of_the_product_is_run_with_other_parameters() -> None:
    parameters = dict(enumerate((f"'v-' || {NTH}", "'room'", *"34567", "2"), 1))
    text = Statement("pay_bookings", parameters).text
    wanted = (
        "SELECT outcome, body, completed FROM pay_bookings('v-' || :n, 'room', 3, 4, 5, 6, 7, 2)"
    )
    assert text == wanted


def test_the_time_of_a_process_has_that_of_those_below_it() -> None:
    began = cpu_s([os.getpid()])
    burn = "import time\nwhile time.process_time() < 0.2: pass"
    subprocess.run([sys.executable, "-c", burn], check=True)
    assert cpu_s([os.getpid()]) - began > 0.1
    assert cpu_s([]) == 0


@needs_wrk
async def test_each_prepared_request_is_sent_once(tmp_path: Path) -> None:
    file = prepared(tmp_path / "posts", [Request("POST", "/", {}, b"{}")] * 104)
    async with constant("POST", "/", 201, 100) as bare:
        found, figures = await bare.under(file, Amount(count=100), connections=4, status=201)
    assert found.statuses == {201: found.answers}
    assert 100 <= found.answers <= 104
    assert figures[RATE] == pytest.approx(found.answers / found.seconds)


@needs_wrk
async def test_requests_are_sent_over_and_over_until_the_time_is_over(tmp_path: Path) -> None:
    file = prepared(tmp_path / "gets", [Request("GET", "/", {})])
    async with constant("GET", "/", 200, 100) as bare:
        found = await load(bare.url, file, Amount(seconds=1), connections=2, status=200)
    assert found.answers > 1
    assert found.seconds > 0.5


@needs_wrk
async def test_a_refusal_is_no_success(tmp_path: Path) -> None:
    file = prepared(tmp_path / "gets", [Request("GET", path, {}) for path in ("/", "/nowhere")])
    async with constant("GET", "/", 200, 100) as bare:
        assert (await load(bare.url, file, Amount(count=1), connections=1, status=200)).answers == 1
        with pytest.raises(WrongAnswers, match=r"200 was expected.*404: 1"):
            await load(bare.url, file, Amount(count=2), connections=1, status=200)


@needs_wrk
async def test_nobody_there_is_no_answer(tmp_path: Path) -> None:
    file = prepared(tmp_path / "gets", [Request("GET", "/", {})])
    nobody = Server("http://127.0.0.1:9", [])
    with pytest.raises(WrongAnswers):
        await nobody.under(file, Amount(seconds=1), connections=1, status=200)


@needs_wrk
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_benchmark_runs(tmp_path: Path) -> None:
    found = tmp_path / "found.json"
    assert main(["--quick", "--json", str(found)]) == 0
    for report in json.loads(found.read_text()).values():
        assert report["figures"]
        for figure in report["figures"].values():
            for variant in figure["variants"].values():
                assert variant["min"] <= variant["median"] <= variant["max"]
