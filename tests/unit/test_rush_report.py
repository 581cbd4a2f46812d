"""The report: sums, percentiles, and what makes a rush fail."""

from collections import Counter
from dataclasses import replace
from io import StringIO

import orjson
import pytest
from rich.console import Console

from onsale.rush.audit import Account
from onsale.rush.figures import Figures, percentile
from onsale.rush.load import Load
from onsale.rush.record import LISTED, Kind, Outcome, Record
from onsale.rush.report import Report
from onsale.verify import Finding
from onsale.verify import Report as Verdicts


def account(sold: int = 300, available: int = 0) -> Account:
    return Account(Counter({"SOLD": sold, "AVAILABLE": available}), [])


@pytest.fixture
def report() -> Report:
    record = Record()
    for latency in range(1, 101):
        record.request(Kind.POLL, "200", float(latency))
    record.request(Kind.HOLD, "409", 5.0)
    record.request(Kind.HOLD, "201", 6.0)
    record.waits_s += [1.0, 2.0, 3.0]
    record.events["reloads"] += 4
    return Report(
        options={"visitors": 500, "seed": 7, "processes": 2},
        visitors=500,
        seed=7,
        duration_s=30,
        before_doors=12,
        room_id="rush-1",
        concert_id=9,
        outcomes=Counter({Outcome.BOUGHT: 150, Outcome.SOLD_OUT: 340, Outcome.LOOKED: 10}),
        record=record,
        account=account(),
        must_sell_out=True,
        oracle=Verdicts([Finding("O2", "in order", ["9 seen waiting"])]),
        receipts=300,
        load=Load(2, 0.5, 20.0, Figures.of([1.0]), 1.0, 0.9, 2),
    )


@pytest.mark.parametrize(("share", "value"), [(50, 50), (95, 95), (99, 99), (100, 100)])
def test_percentiles_are_by_nearest_rank(share: float, value: float) -> None:
    assert percentile([float(n) for n in range(1, 101)], share) == value


def test_one_value_is_every_percentile_and_none_is_none() -> None:
    assert Figures.of([4.0]).as_dict() == {"count": 1, "p50": 4, "p95": 4, "p99": 4, "max": 4}
    assert Figures.of([]).cells(1) == ["-"] * 4


def test_a_rush_that_went_well_has_no_fault(report: Report) -> None:
    assert report.faults() == []


def test_outcomes_must_sum_to_the_visitors(report: Report) -> None:
    short = replace(report, outcomes=Counter({Outcome.BOUGHT: 499}))
    assert short.faults() == ["499 outcomes for 500 visitors"]


def test_seats_left_are_a_fault_only_if_enough_buyers_stayed(report: Report) -> None:
    left = replace(report, account=account(sold=290, available=10))
    assert left.faults() == ["10 seats left, though enough buyers had the patience"]
    assert replace(left, must_sell_out=False).faults() == []


def test_what_the_oracle_finds_broken_is_a_fault_and_is_shown(report: Report) -> None:
    broken = Finding("O2", "in order", ["9 seen waiting"], [{"number": 5, "waited_behind": 6}])
    found = replace(report, oracle=Verdicts([broken]))
    assert found.faults() == ["the oracle: O2 is broken, in order"]
    assert "number=5, waited_behind=6" in printed(found)
    assert found.as_dict()["oracle"][0]["holds"] is False


def test_a_lost_client_process_is_a_fault(report: Report) -> None:
    assert replace(report, lost=["a client process ended"]).faults() == ["a client process ended"]


def test_a_surprise_is_a_fault_and_is_listed(report: Report) -> None:
    report.record.surprise("v7", Kind.HOLD, "asked for [A-1], got [/B-1]")
    assert report.faults() == ["1 answers that must not happen"]
    assert "asked for [A-1], got [/B-1]" in printed(report)


def test_a_flood_of_surprises_is_counted_whole_and_listed_in_part() -> None:
    record = Record()
    for number in range(LISTED + 10):
        record.surprise(f"v{number}", Kind.POLL, "500")
    assert (record.surprise_count, len(record.surprises)) == (LISTED + 10, LISTED)


def test_the_records_of_several_processes_become_one() -> None:
    one, other = Record(), Record()
    one.request(Kind.POLL, "200", 1.0)
    other.request(Kind.POLL, "200", 2.0)
    other.request(Kind.PAY, "201", 3.0)
    other.events["reloads"] += 2
    other.waits_s.append(4.0)
    for number in range(LISTED):
        other.surprise(f"v{number}", Kind.POLL, "500")
    one.surprise("v", Kind.POLL, "500")
    one.add(other)
    assert one.requests[Kind.POLL].latencies_ms == [1.0, 2.0]
    assert one.requests[Kind.POLL].statuses == {"200": 2}
    assert one.total_requests == 3
    assert (one.events["reloads"], one.waits_s) == (2, [4.0])
    assert (one.surprise_count, len(one.surprises)) == (LISTED + 1, LISTED)


def test_the_rate_of_requests_begins_with_the_opening(report: Report) -> None:
    assert report.requests_per_s == (102 - 12) / 30


def test_the_json_holds_every_outcome_and_sums_up(report: Report) -> None:
    data = orjson.loads(orjson.dumps(report.as_dict()))
    assert sum(data["outcomes"].values()) == data["visitors"] == 500
    assert data["options"] == {"visitors": 500, "seed": 7, "processes": 2}
    assert data["load"]["busiest_client_share_of_a_core"] == 0.5
    assert data["requests"]["poll"]["latency_ms"]["p95"] == 95
    assert data["requests"]["hold"]["statuses"] == {"201": 1, "409": 1}
    assert data["seats"]["by_status"]["SOLD"] == data["seats"]["total"] == 300


def test_the_printed_report_fits_a_plain_log(report: Report) -> None:
    text = printed(report)
    assert "300 of 300 sold" in text
    assert "\x1b" not in text
    assert "--seed 7" in text


def printed(report: Report) -> str:
    out = StringIO()
    report.print(Console(file=out, width=100))
    return out.getvalue()
