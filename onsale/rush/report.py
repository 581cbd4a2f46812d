"""What became of a rush: figures, and the reasons to call it failed."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from onsale.rush.audit import Account
from onsale.rush.record import Kind, Outcome, Record


@dataclass(frozen=True, slots=True)
class Figures:
    """A distribution in its own unit; all None without values."""

    count: int
    p50: float | None
    p95: float | None
    p99: float | None
    max: float | None

    @classmethod
    def of(cls, values: Iterable[float]) -> "Figures":
        """Percentiles by nearest rank: each is a value that occurred."""
        ordered = sorted(values)
        p50, p95, p99, most = (percentile(ordered, share) for share in (50, 95, 99, 100))
        return cls(len(ordered), p50, p95, p99, most)

    def cells(self, digits: int) -> list[str]:
        """The percentiles and the maximum for a table."""
        values = (self.p50, self.p95, self.p99, self.max)
        return ["-" if value is None else f"{value:.{digits}f}" for value in values]

    def as_dict(self) -> dict[str, Any]:
        """For JSON, rounded to a thousandth."""
        values = {"p50": self.p50, "p95": self.p95, "p99": self.p99, "max": self.max}
        rounded = {name: None if v is None else round(v, 3) for name, v in values.items()}
        return {"count": self.count, **rounded}


def percentile(ordered: list[float], share: float) -> float | None:
    """The smallest value that `share` percent of the values do not exceed; None of nothing."""
    return ordered[max(0, ceil(len(ordered) * share / 100) - 1)] if ordered else None


@dataclass(frozen=True, slots=True)
class Report:
    """One finished rush."""

    visitors: int
    seed: int
    patience_s: float
    duration_s: float
    room_id: str
    concert_id: int
    outcomes: Counter[Outcome]
    record: Record
    account: Account
    must_sell_out: bool

    def faults(self) -> list[str]:
        """Why this rush failed, one line each; [] when it went as it must."""
        faults = []
        if self.record.surprise_count:
            faults.append(f"{self.record.surprise_count} answers that must not happen")
        if failed := self.outcomes[Outcome.FAILED]:
            faults.append(f"{failed} visits failed")
        if self.outcomes.total() != self.visitors:
            faults.append(f"{self.outcomes.total()} outcomes for {self.visitors} visitors")
        if self.account.missing:
            faults.append(f"paid, but not in the database: payments {self.account.missing[:20]}")
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
            "visitors": self.visitors,
            "seed": self.seed,
            "patience_s": self.patience_s,
            "duration_s": round(self.duration_s, 3),
            "room_id": self.room_id,
            "concert_id": self.concert_id,
            "outcomes": {str(outcome): self.outcomes[outcome] for outcome in Outcome},
            "events": dict(sorted(record.events.items())),
            "waits_s": Figures.of(record.waits_s).as_dict(),
            "requests": {
                str(kind): {
                    "latency_ms": Figures.of(record.requests[kind].latencies_ms).as_dict(),
                    "statuses": dict(sorted(record.requests[kind].statuses.items())),
                }
                for kind in Kind
                if kind in record.requests
            },
            "seats": {
                "total": self.account.total,
                "by_status": dict(self.account.seats),
                "receipts": len(record.receipts),
                "receipts_missing": self.account.missing,
                "must_sell_out": self.must_sell_out,
            },
            "surprises": {
                "count": record.surprise_count,
                "listed": [
                    {"visitor": s.visitor, "kind": s.kind, "what": s.what} for s in record.surprises
                ],
            },
            "faults": self.faults(),
        }

    def print(self, console: Console) -> None:
        """Tables for people; lines that stay readable in a log."""
        console.print()
        console.print(self._outcome_table())
        console.print(self._request_table())
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
            f" the clients hold {len(self.record.receipts)} receipts"
        )
        rate = self.record.total_requests / self.duration_s if self.duration_s else 0
        console.print(
            f"{self.record.total_requests} requests in {self.duration_s:.1f} s ({rate:.0f}/s);"
            f" room {self.room_id}, concert {self.concert_id}; again with --seed {self.seed}"
        )
        for surprise in self.record.surprises:
            what = escape(f"{surprise.visitor}, {surprise.kind}: {surprise.what}")
            console.print(f"[red]unexpected[/] {what}")
        for fault in self.faults():
            console.print(f"[bold red]failed[/] {escape(fault)}")

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

    def _request_table(self) -> Table:
        table = Table(title="Requests, ms", title_justify="left")
        table.add_column("kind")
        for name in ("count", "p50", "p95", "p99", "max"):
            table.add_column(name, justify="right")
        table.add_column("answers")
        for kind in Kind:
            if kind not in self.record.requests:
                continue
            requests = self.record.requests[kind]
            figures = Figures.of(requests.latencies_ms)
            statuses = ", ".join(f"{s}: {n}" for s, n in sorted(requests.statuses.items()))
            table.add_row(str(kind), str(figures.count), *figures.cells(0), statuses)
        return table
