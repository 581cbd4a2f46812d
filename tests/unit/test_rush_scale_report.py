"""The report of a rush at scale: what it says, and what makes it fail."""

from collections import Counter
from dataclasses import replace
from io import StringIO
from typing import Any

import orjson
import pytest
from rich.console import Console

from onsale.rush.audit import Account
from onsale.rush.figures import Figures
from onsale.rush.load import Load
from onsale.rush.record import Kind, Outcome, Record
from onsale.rush.scale.machine import Memory
from onsale.rush.scale.plan import Plan
from onsale.rush.scale.report import Filled, Journaled, Report, Served
from onsale.rush.scale.tally import Tally
from onsale.rush.scale.words import markdown, show_report
from onsale.verify import Finding
from onsale.verify import Report as Verdicts

MIB = 2**20


@pytest.fixture
def report() -> Report:
    plan = Plan.fitting(100_000, 10, 10_000, 50)
    tally = Tally(plan.seconds)
    for second in range(plan.seconds):
        for weight, polls in ((1, 100), (plan.stride, 20)):
            for _ in range(polls):
                tally.due(weight, second + 0.5)
    tally.answered(5.0, 5.001, 5.003)
    tally.told(42_000)
    record = Record()
    record.request(Kind.POLL, "200", 2.0)
    record.request(Kind.HOLD, "201", 6.0)
    record.waits_s += [1.0, 2.0, 3.0]
    gateway = {"gateway": 50 * MIB, "Valkey": None}
    return Report(
        options={"scale": 100_000},
        plan=plan,
        room={"max_active": 3000, "idle_ttl_s": 86_400},
        room_id="rush-1",
        filled=Filled(False, 100_000, 10.0, 0.0, 7_000, 12.5),
        served=Served(50_000, 0, 5.0, 64, 1, {"gateway": 0.98, "Valkey": 0.4}),
        polls=tally.polls((90, 4, 6)),
        journaled=Journaled(100_000, 501, 10.0, {"completed": 400, "idle": 0}),
        memory={
            "before": Memory(gateway, 2 * MIB, MIB),
            "with all in line": Memory(gateway, 17 * MIB, 40 * MIB),
        },
        outcomes=Counter({Outcome.BOUGHT: 150, Outcome.LOOKED: 10}),
        record=record,
        account=Account(Counter({"SOLD": 300, "AVAILABLE": 20}), []),
        receipts=300,
        oracle=Verdicts([Finding("O2", "in order", ["9 seen waiting"])]),
        load=Load(1, 0.5, 20.0, Figures.of([1.0]), 1.0, 0.9, 2),
    )


def printed(report: Report) -> str:
    console = Console(file=StringIO(), width=200, soft_wrap=True)
    show_report(report, console)
    file = console.file
    assert isinstance(file, StringIO)
    return file.getvalue()


def test_the_crowd_is_set_against_what_one_process_serves(report: Report) -> None:
    asked = 100 + 20 * report.plan.stride
    assert report.asked.per_s == asked
    assert report.served.per_s == 10_000
    assert report.takes == asked / 10_000


def test_of_several_gateway_processes_one_is_told(report: Report) -> None:
    served = replace(report.served, processes=2)
    assert served.per_s == 5_000


def test_it_says_how_the_crowd_came_in_line_and_who_is_real(report: Report) -> None:
    text = printed(report)
    assert "by a bulk loader" in text
    assert "100,000 in 10.0 s, 10,000 a second" in text
    assert f"one in {report.plan.stride:,} of the others" in text
    assert "closed loop of the same client" in text
    assert "idle_ttl_s 86400" in text
    http = replace(report, filled=replace(report.filled, over_http=True))
    assert "by a bulk loader" not in printed(http)
    assert "over HTTP" in printed(http)


def test_memory_is_told_over_time_and_for_each_who_waits(report: Report) -> None:
    text = printed(report)
    assert "Memory of gateway: before 50 MiB, with all in line 50 MiB" in text
    assert "Memory of Valkey" not in text  # hidden by the kernel, or another machine's
    assert f"{15 * MIB / 100_000:,.0f} bytes for each who waits" in text


def test_admissions_are_counted_from_the_first_to_the_last(report: Report) -> None:
    assert report.journaled.per_s == 50.0
    assert replace(report.journaled, admitted_within_s=0.0).per_s == 0.0


def test_a_rush_that_went_well_has_no_fault(report: Report) -> None:
    assert report.faults() == []


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"lost": ("a client process ended",)}, "a client process ended"),
        (
            {"journaled": Journaled(99_999, 501, 10.0, {})},
            "99999 tokens in the table, 100000 joined",
        ),
        (
            {"filled": Filled(True, 99_000, 10.0, 0.0, 7_000, 12.5)},
            "99000 of 100000 came in line",
        ),
        (
            {"journaled": Journaled(100_000, 501, 10.0, {"idle": 3})},
            "3 were ended as idle, though nobody is before a day is over",
        ),
        ({"journaled": Journaled(100_000, 0, 0.0, {})}, "nobody was let in"),
        ({"outcomes": Counter({Outcome.FAILED: 1})}, "1 visits failed"),
        (
            {"oracle": Verdicts([Finding("O2", "in order", [], [{"number": 5}])])},
            "the oracle: O2 is broken, in order",
        ),
    ],
)
def test_what_makes_it_fail_is_told(report: Report, changes: dict[str, Any], fault: str) -> None:
    failed = replace(report, **changes)
    assert fault in failed.faults()
    assert fault in printed(failed)


def test_what_a_busy_service_refused_is_told_and_no_fault(report: Report) -> None:
    busy = replace(report, served=replace(report.served, refused=3))
    assert busy.faults() == []
    assert "; 3 refused" in printed(busy)


def test_a_surprise_is_a_fault_and_is_listed(report: Report) -> None:
    report.record.surprise("rush-1", Kind.POLL, "unexpected 500")
    assert report.faults() == ["1 answers that must not happen"]
    assert "unexpected 500" in printed(report)


def test_the_json_says_what_was_extrapolated_and_from_what(report: Report) -> None:
    found = orjson.loads(orjson.dumps(report.as_dict()))
    assert found["joins"]["by"] == "script"
    assert found["plan"]["each_behind_stands_for"] == report.plan.stride
    assert found["polls"]["asked_per_s"] == 100 + 20 * report.plan.stride
    assert found["polls"]["due_for_real_per_s"] == 120
    assert found["polls"]["answered_late_ms"]["count"] == 1
    assert found["admissions"]["etas"] == {"held": 90, "ended_too_soon": 4, "began_too_late": 6}
    assert found["memory"]["before"]["Valkey"] is None


def test_the_page_gets_one_row_for_each_figure(report: Report) -> None:
    lines = markdown(report).splitlines()
    assert lines[:2] == ["| what | found |", "|---|---|"]
    assert all(line.count("|") == 3 for line in lines)
    assert any(line.startswith("| One gateway process serves | 10,000 polls") for line in lines)
