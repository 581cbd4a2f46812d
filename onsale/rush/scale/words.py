"""A rush at scale in words: for a terminal, and as a table for a page."""

from math import ceil

from rich.console import Console
from rich.markup import escape

from onsale.rush.figures import Figures
from onsale.rush.record import Kind, Outcome
from onsale.rush.report import request_table
from onsale.rush.scale.machine import POSTGRES, VALKEY
from onsale.rush.scale.report import Report
from onsale.rush.scale.tally import figures
from onsale.verify.cli import show

Rows = dict[str, str]

BY_SCRIPT = "Put in line by a bulk loader (the gateway's own `enter.lua`, without HTTP)"
BY_HTTP = "Joined over HTTP, with a request each"


def rows(report: Report) -> Rows:
    """What was found, under what it is, in the order of the rush."""
    return _line(report) | _polls(report) | _sale(report) | _memory(report)


def markdown(report: Report) -> str:
    """The same as a table for a page."""
    lines = [f"| {what} | {found} |" for what, found in rows(report).items()]
    return "\n".join(["| what | found |", "|---|---|", *lines]) + "\n"


def show_report(report: Report, console: Console) -> None:
    """For people; lines that stay readable in a log."""
    console.print(f"\n[bold]A line of {report.plan.visitors:,}[/]")
    for what, found in rows(report).items():
        console.print(f"[bold]{escape(what)}[/]: {escape(found)}", highlight=False)
    console.print()
    console.print(request_table(report.record))
    console.print(report.load.line())
    settings = ", ".join(f"{name} {value}" for name, value in report.room.items())
    console.print(f"Room {report.room_id}: {settings}")
    events = ", ".join(f"{name} {n}" for name, n in sorted(report.record.events.items()))
    console.print(f"On the way: {events or 'nothing of note'}")
    for surprise in report.record.surprises:
        console.print(f"[red]unexpected[/] {escape(str(surprise))}")
    for fault in report.faults():
        console.print(f"[bold red]failed[/] {escape(fault)}")
    console.print("\nThe oracle, by what the sample saw:")
    show(report.oracle, console)


def _line(report: Report) -> Rows:
    filled = report.filled
    joined = f"{filled.visitors:,} in {filled.joins_s:.1f} s, {filled.per_s:,.0f} a second"
    if filled.held_up_s:
        joined += f"; held up for {filled.held_up_s:.1f} s of it"
    behind_s = max(0.0, filled.table_s - filled.joins_s)
    return {
        BY_HTTP if filled.over_http else BY_SCRIPT: joined,
        "All of the journal in the table": (
            f"{filled.table_s:.1f} s after the first join, {behind_s:.1f} s after the last;"
            f" {filled.to_table_per_s:,.0f} a second; at most {filled.journal_most:,} behind"
        ),
    }


def _polls(report: Report) -> Rows:
    asked, plan, served, polls = report.asked, report.plan, report.served, report.polls
    shares = ", ".join(f"{name} {share:.0%}" for name, share in served.shares.items())
    interval = figures(polls.intervals).cells(0)
    refused = f"; {served.refused} refused" if served.refused else ""
    never = f"; {polls.unanswered} not at all" if polls.unanswered else ""
    return {
        "The whole crowd asks, by `poll_after_ms`": (
            f"{asked.per_s:,.0f} ± {asked.error:,.0f} polls a second. Extrapolated from"
            f" {plan.sample:,} who poll for real: the first {plan.front:,} of the line, and one"
            f" in {plan.stride:,} of the others, each of whom counts {plan.stride:,} times"
        ),
        "One gateway process serves": (
            f"{served.per_s:,.0f} polls a second: a closed loop of the same client,"
            f" {served.connections} connections, {served.seconds:.0f} s; of a core: {shares}"
            f"{refused}"
        ),
        "So the crowd's polls keep busy": f"{report.takes:.2f} such processes",
        "Polls due of those who are real, open loop": (
            f"{asked.counted_per_s:,.0f} a second for {plan.seconds} s;"
            f" `poll_after_ms` p50 {interval[0]}, p99 {interval[2]}"
        ),
        "Sent after they were due, ms": _late(polls.sent_late),
        "Answered after they were due, ms": _late(polls.answered_late) + never,
    }


def _sale(report: Report) -> Rows:
    journaled, record, account = report.journaled, report.record, report.account
    held, too_soon, too_late = report.polls.etas
    judged = held + too_soon + too_late
    wait = Figures.of(record.waits_s).cells(1)
    found = {
        "Let in": (
            f"{journaled.admitted:,} in {journaled.admitted_within_s:.1f} s,"
            f" {journaled.per_s:,.1f} a second"
        ),
        "Waits of those let in, from the opening until they saw it, s": (
            f"p50 {wait[0]}, p99 {wait[2]}, max {wait[3]}"
        ),
        "Ranges of waits that were told, and whose end came": (
            f"{judged:,}; {held:,} held, {too_soon:,} ended too soon, {too_late:,} began too late"
        ),
        "Bought": (
            f"{report.outcomes[Outcome.BOUGHT]:,} visitors, {account.sold:,} of"
            f" {account.total:,} seats"
        ),
    }
    for kind in (Kind.HOLD, Kind.PAY):
        if kind in record.requests:
            took = Figures.of(record.requests[kind].latencies_ms).cells(0)
            found[f"To {kind}, ms"] = f"p50 {took[0]}, p99 {took[2]}, max {took[3]}"
    return found


def _memory(report: Report) -> Rows:
    moments = list(report.memory.values())
    found = {
        f"Memory of {name}": _over_time(report, values)
        for name in ("gateway", "booking API", VALKEY, POSTGRES)
        if any(values := [memory.processes.get(name) for memory in moments])
    }
    each = (moments[1].store - moments[0].store) / max(1, report.filled.visitors)
    found["The store's own count"] = (
        f"{_over_time(report, [memory.store for memory in moments])};"
        f" {each:,.0f} bytes for each who waits"
    )
    found["The table `queue` and its indexes"] = _over_time(
        report, [memory.table for memory in moments]
    )
    return found


def _over_time(report: Report, values: list[int | None]) -> str:
    return ", ".join(
        f"{moment} {'unknown' if value is None else f'{ceil(value / 2**20):,} MiB'}"
        for moment, value in zip(report.memory, values, strict=True)
    )


def _late(packed: bytes) -> str:
    p50, _, p99, most = figures(packed).cells(1)
    return f"p50 {p50}, p99 {p99}, max {most}"
