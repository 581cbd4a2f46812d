"""What became of a rush: figures, and the reasons to call it failed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from onsale.rush.audit import Account
from onsale.rush.figures import Figures
from onsale.rush.load import Load
from onsale.rush.record import Kind, Outcome, Record
from onsale.verify import Finding
from onsale.verify import Report as Verdicts
from onsale.verify.cli import show


@dataclass(frozen=True, slots=True)
class Report:
    """One finished rush."""

    options: dict[str, Any]
    visitors: int
    seed: int
    duration_s: float
    before_doors: int  # requests sent to sign up
    room_id: str
    concert_id: int
    outcomes: Counter[Outcome]
    record: Record
    account: Account
    must_sell_out: bool
    oracle: Verdicts
    receipts: int
    load: Load
    lost: Sequence[str] = ()  # client processes that ended early, in words

    def faults(self) -> list[str]:
        """Why this rush failed, one line each; [] when it went as it must."""
        faults = list(self.lost)
        faults += [
            f"the oracle: {finding.name} is broken, {finding.words}"
            for finding in self.oracle.findings
            if finding.broken
        ]
        if self.record.surprise_count:
            faults.append(f"{self.record.surprise_count} answers that must not happen")
        if failed := self.outcomes[Outcome.FAILED]:
            faults.append(f"{failed} visits failed")
        if self.outcomes.total() != self.visitors:
            faults.append(f"{self.outcomes.total()} outcomes for {self.visitors} visitors")
        if self.must_sell_out and self.account.sold < self.account.total:
            faults.append(
                f"{self.account.total - self.account.sold} seats left,"
                " though enough buyers had the patience"
            )
        return faults

    def as_dict(self) -> dict[str, Any]:
        """For JSON. Waits in seconds, latencies in milliseconds."""
        record = self.record
        return {
            "options": self.options,
            "visitors": self.visitors,
            "seed": self.seed,
            "duration_s": round(self.duration_s, 3),
            "requests_per_s": round(self.requests_per_s, 1),
            "load": self.load.as_dict(),
            "room_id": self.room_id,
            "concert_id": self.concert_id,
            "outcomes": {str(outcome): self.outcomes[outcome] for outcome in Outcome},
            "events": dict(sorted(record.events.items())),
            "queued_ms": Figures.of(record.queued_ms).as_dict(),
            "waits_s": Figures.of(record.waits_s).as_dict(),
            "requests": requests_as_dict(record),
            "seats": {
                "total": self.account.total,
                "by_status": dict(self.account.seats),
                "receipts": self.receipts,
                "receipts_missing": self.account.missing,
                "must_sell_out": self.must_sell_out,
            },
            "surprises": surprises_as_dict(record),
            "oracle": findings_as_dicts(self.oracle.findings),
            "faults": self.faults(),
        }

    def print(self, console: Console) -> None:
        """Tables for people; lines that stay readable in a log."""
        console.print()
        console.print(self._outcome_table())
        console.print(request_table(self.record))
        wait = Figures.of(self.record.waits_s)
        console.print(
            f"In the line, s: {wait.count} admitted;"
            f" p50 {wait.cells(1)[0]}, p95 {wait.cells(1)[1]}, p99 {wait.cells(1)[2]},"
            f" max {wait.cells(1)[3]}"
        )
        events = ", ".join(f"{name} {count}" for name, count in sorted(self.record.events.items()))
        console.print(f"On the way: {events or 'nothing of note'}")
        console.print(
            f"Seats: [bold]{self.account.sold} of {self.account.total} sold[/];"
            f" the clients hold {self.receipts} receipts"
        )
        console.print(
            f"{self.record.total_requests} requests; from the opening on {self.duration_s:.1f} s,"
            f" {self.requests_per_s:.0f} a second; room {self.room_id},"
            f" concert {self.concert_id}; again with --seed {self.seed}"
        )
        queued = Figures.of(self.record.queued_ms).cells(0)
        console.print(
            f"Before a request, for a free connection of its client, ms:"
            f" p50 {queued[0]}, p95 {queued[1]}, max {queued[3]}"
        )
        console.print(self.load.line())
        for surprise in self.record.surprises:
            console.print(f"[red]unexpected[/] {escape(str(surprise))}")
        for fault in self.faults():
            console.print(f"[bold red]failed[/] {escape(fault)}")
        console.print("\nThe oracle, by what the clients saw:")
        show(self.oracle, console)

    @property
    def requests_per_s(self) -> float:
        """Over the whole rush, from the doors' opening on."""
        sent = self.record.total_requests - self.before_doors
        return sent / self.duration_s if self.duration_s else 0.0

    def _outcome_table(self) -> Table:
        table = Table(title=f"Visitors: {self.visitors}", title_justify="left")
        table.add_column("what became of them")
        table.add_column("visitors", justify="right")
        for outcome in Outcome:
            if self.outcomes[outcome]:
                table.add_row(str(outcome), str(self.outcomes[outcome]))
        table.add_section()
        table.add_row("all", str(self.outcomes.total()))
        return table


def findings_as_dicts(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Verdicts for JSON."""
    return [
        {
            "name": finding.name,
            "words": finding.words,
            "counted": finding.counted,
            "holds": not finding.broken,
            "broken": finding.broken,
        }
        for finding in findings
    ]


def request_table(record: Record) -> Table:
    """How long requests of each kind took, and how they ended."""
    table = Table(title="Requests, ms", title_justify="left")
    table.add_column("kind")
    for name in ("count", "p50", "p95", "p99", "max"):
        table.add_column(name, justify="right")
    table.add_column("answers")
    for kind in Kind:
        if kind not in record.requests:
            continue
        requests = record.requests[kind]
        figures = Figures.of(requests.latencies_ms)
        statuses = ", ".join(f"{s}: {n}" for s, n in sorted(requests.statuses.items()))
        table.add_row(str(kind), str(figures.count), *figures.cells(0), statuses)
    return table


def requests_as_dict(record: Record) -> dict[str, Any]:
    """The same for JSON, latencies in milliseconds."""
    return {
        str(kind): {
            "latency_ms": Figures.of(record.requests[kind].latencies_ms).as_dict(),
            "statuses": dict(sorted(record.requests[kind].statuses.items())),
        }
        for kind in Kind
        if kind in record.requests
    }


def surprises_as_dict(record: Record) -> dict[str, Any]:
    """What must not happen and did, for JSON."""
    listed = [{"visitor": s.visitor, "kind": s.kind, "what": s.what} for s in record.surprises]
    return {"count": record.surprise_count, "listed": listed}
