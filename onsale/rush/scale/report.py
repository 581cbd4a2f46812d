"""What became of a rush at scale: figures, and the reasons to call it failed."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from onsale.rush.audit import Account
from onsale.rush.figures import Figures
from onsale.rush.load import Load
from onsale.rush.record import Outcome, Record
from onsale.rush.report import findings_as_dicts, requests_as_dict, surprises_as_dict
from onsale.rush.scale.machine import Memory
from onsale.rush.scale.plan import Plan
from onsale.rush.scale.tally import Asked, Polls, figures
from onsale.verify import Report as Verdicts


@dataclass(frozen=True, slots=True)
class Filled:
    """How the crowd came in line. `table_s`: from the first join until the table knew all."""

    over_http: bool
    visitors: int
    joins_s: float
    held_up_s: float
    journal_most: int
    table_s: float

    @property
    def per_s(self) -> float:
        return self.visitors / self.joins_s

    @property
    def to_table_per_s(self) -> float:
        return self.visitors / self.table_s

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "by": "http" if self.over_http else "script",
            "visitors": self.visitors,
            "seconds": round(self.joins_s, 3),
            "per_s": round(self.per_s, 1),
            "held_up_s": round(self.held_up_s, 3),
            "journal_most": self.journal_most,
            "in_table_after_s": round(self.table_s, 3),
            "to_table_per_s": round(self.to_table_per_s, 1),
        }


@dataclass(frozen=True, slots=True)
class Served:
    """A closed loop of polls. `refused`: or not answered. `shares`: of a core, by process."""

    answers: int
    refused: int
    seconds: float
    connections: int
    processes: int
    shares: dict[str, float]

    @property
    def per_s(self) -> float:
        """By one gateway process."""
        return self.answers / self.seconds / self.processes


@dataclass(frozen=True, slots=True)
class Journaled:
    """What the table says of the room at the end, and the room's own count of ends."""

    tokens: int
    admitted: int
    admitted_within_s: float
    ended: dict[str, int]

    @property
    def per_s(self) -> float:
        """Admissions a second, from the first to the last of them."""
        return (self.admitted - 1) / self.admitted_within_s if self.admitted_within_s else 0.0


@dataclass(frozen=True)
class Report:
    """One finished rush at scale. `memory`: in the order of time, each with its moment's name."""

    options: dict[str, Any]
    plan: Plan
    room: dict[str, Any]
    room_id: str
    filled: Filled
    served: Served
    polls: Polls
    journaled: Journaled
    memory: dict[str, Memory]
    outcomes: Counter[Outcome]
    record: Record
    account: Account
    receipts: int
    oracle: Verdicts
    load: Load
    lost: tuple[str, ...] = ()

    @cached_property
    def asked(self) -> Asked:
        return Asked.of(self.polls.due, self.plan.seconds)

    @property
    def takes(self) -> float:
        """How many such processes the crowd's polls keep busy."""
        return self.asked.per_s / self.served.per_s if self.served.answers else 0.0

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
        if self.filled.visitors != self.plan.visitors:
            faults.append(f"{self.filled.visitors} of {self.plan.visitors} came in line")
        if self.journaled.tokens != self.filled.visitors:
            faults.append(
                f"{self.journaled.tokens} tokens in the table, {self.filled.visitors} joined"
            )
        if idle := self.journaled.ended.get("idle"):
            faults.append(f"{idle} were ended as idle, though nobody is before a day is over")
        if not self.journaled.admitted:
            faults.append("nobody was let in")
        return faults

    def as_dict(self) -> dict[str, Any]:
        """For JSON. Times in seconds but for `_ms`, memory in bytes."""
        return {
            "options": self.options,
            "plan": self.plan.as_dict(),
            "room": self.room,
            "room_id": self.room_id,
            "joins": self.filled.as_dict(),
            "polls": self._polls_as_dict(),
            "admissions": self._admissions_as_dict(),
            "memory": {moment: memory.as_dict() for moment, memory in self.memory.items()},
            "outcomes": {str(outcome): self.outcomes[outcome] for outcome in Outcome},
            "events": dict(sorted(self.record.events.items())),
            "requests": requests_as_dict(self.record),
            "seats": {
                "total": self.account.total,
                "by_status": dict(self.account.seats),
                "receipts": self.receipts,
                "receipts_missing": self.account.missing,
            },
            "load": self.load.as_dict(),
            "surprises": surprises_as_dict(self.record),
            "oracle": findings_as_dicts(self.oracle.findings),
            "faults": self.faults(),
        }

    def _polls_as_dict(self) -> dict[str, Any]:
        asked, served, polls = self.asked, self.served, self.polls
        return {
            "asked_per_s": round(asked.per_s, 1),
            "asked_error_per_s": round(asked.error, 1),
            "asked_by_second": asked.by_second,
            "due_for_real_per_s": round(asked.counted_per_s, 1),
            "poll_after_ms": figures(polls.intervals).as_dict(),
            "sent_late_ms": figures(polls.sent_late).as_dict(),
            "answered_late_ms": figures(polls.answered_late).as_dict(),
            "unanswered": polls.unanswered,
            "one_process_serves_per_s": round(served.per_s, 1),
            "closed_loop_refused": served.refused,
            "closed_loop_connections": served.connections,
            "closed_loop_shares_of_a_core": {
                name: round(share, 3) for name, share in served.shares.items()
            },
            "gateway_processes": served.processes,
            "processes_kept_busy": round(self.takes, 3),
        }

    def _admissions_as_dict(self) -> dict[str, Any]:
        held, too_soon, too_late = self.polls.etas
        return {
            "admitted": self.journaled.admitted,
            "within_s": round(self.journaled.admitted_within_s, 3),
            "per_s": round(self.journaled.per_s, 2),
            "waits_s": Figures.of(self.record.waits_s).as_dict(),
            "etas": {"held": held, "ended_too_soon": too_soon, "began_too_late": too_late},
            "ended": self.journaled.ended,
        }
