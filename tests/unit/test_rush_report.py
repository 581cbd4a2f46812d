"""The report: sums, percentiles, and what makes a rush fail."""

from collections import Counter
from dataclasses import replace
from io import StringIO

import orjson
import pytest
from rich.console import Console

from onsale.rush.audit import Account
from onsale.rush.record import LISTED, Kind, Outcome, Receipt, Record
from onsale.rush.report import Figures, Report, percentile


def account(sold: int = 300, available: int = 0, missing: list[int] | None = None) -> Account:
    return Account(Counter({"SOLD": sold, "AVAILABLE": available}), missing or [])


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
        visitors=500,
        seed=7,
        patience_s=60,
        duration_s=30,
        room_id="rush-1",
        concert_id=9,
        outcomes=Counter({Outcome.BOUGHT: 150, Outcome.SOLD_OUT: 340, Outcome.LOOKED: 10}),
        record=record,
        account=account(),
        must_sell_out=True,
    )


def receipt(visitor: str, payment_id: int) -> Receipt:
    return Receipt(visitor, payment_id, payment_id + 100, (1, "A-1"), "120.00")


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


def test_a_receipt_without_its_payment_is_a_fault(report: Report) -> None:
    lost = replace(report, account=account(missing=[41]))
    assert lost.faults() == ["paid, but not in the database: payments [41]"]


def test_a_surprise_is_a_fault_and_is_listed(report: Report) -> None:
    report.record.surprise("v7", Kind.HOLD, "asked for [A-1], got [/B-1]")
    assert report.faults() == ["1 answers that must not happen"]
    assert "asked for [A-1], got [/B-1]" in printed(report)


def test_a_flood_of_surprises_is_counted_whole_and_listed_in_part() -> None:
    record = Record()
    for number in range(LISTED + 10):
        record.surprise(f"v{number}", Kind.POLL, "500")
    assert (record.surprise_count, len(record.surprises)) == (LISTED + 10, LISTED)


def test_a_seat_with_receipts_of_two_payments_was_sold_twice() -> None:
    record = Record()
    record.receipt(receipt("v1", 1))
    record.receipt(receipt("v1", 1))
    assert record.surprise_count == 0
    record.receipt(receipt("v2", 2))
    assert "sold twice" in record.surprises[0].what


def test_the_json_holds_every_outcome_and_sums_up(report: Report) -> None:
    data = orjson.loads(orjson.dumps(report.as_dict()))
    assert sum(data["outcomes"].values()) == data["visitors"] == 500
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
