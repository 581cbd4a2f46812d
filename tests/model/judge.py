"""Judges a room by what comes out of it: its answers and its journal.

It keeps no deadlines, no queue and no bucket of its own accord; it only holds what was said against
the invariants of the design (O1-O5, A1-A7) and against what visitors were promised.
"""

from dataclasses import dataclass, field
from typing import Any

#: Rates are per minute, times in ms: everything about pace is counted in 1/60000 admission.
UNIT = 60_000
OUTAGE_MS = 2_000

Token = tuple[int, int]


@dataclass
class Promise:
    """What a token's holder may rely on. Times in ms; `due` and `claim` less the outages so far."""

    poll_ms: int = 0
    position: int | None = None
    due: int | None = None
    claim: int | None = None


@dataclass
class Judge:
    """Told of every change of settings, every tick, every journal entry and every answer."""

    settings: dict[str, Any]
    now_ms: int
    generation: int
    beat_ms: int = field(init=False)
    stood_ms: int = 0
    quiet_until_ms: int = 0
    number: int = 0
    waiting: dict[int, str] = field(default_factory=dict)
    active: dict[int, str] = field(default_factory=dict)
    ended: set[Token] = field(default_factory=set)
    promises: dict[Token, Promise] = field(default_factory=dict)
    # A2, over all windows: what the rate allowed until now, how many were admitted, and the least
    # that any window that began so far leaves.
    allowed: int = 0
    allowed_at_ms: int = field(init=False)
    admitted: int = 0
    tightest: int = field(init=False)

    def __post_init__(self) -> None:
        self.beat_ms = self.allowed_at_ms = self.now_ms
        self.tightest = self._burst()

    # What it is told --------------------------------------------------------------------------

    def configured(self, changes: dict[str, Any], generation: int) -> None:
        """Settings changed now; `generation`: what the room says it is from now on."""
        self._window()
        self.settings |= changes
        self._window()
        if generation != self.generation:
            assert generation > self.generation
            assert not self.waiting
            assert not self.active
            self.generation = generation

    def ticked(self, outage_ms: int) -> None:
        """The admission loop beat."""
        gap = self.now_ms - self.beat_ms
        assert outage_ms == (gap if gap > OUTAGE_MS else 0)
        self.stood_ms += outage_ms
        self.beat_ms = self.now_ms
        if outage_ms:
            self.quiet_until_ms = self.now_ms + self._ms("idle_ttl_s")

    def served(self) -> None:
        """The tick is over, with nothing left undone (A5)."""
        free = self.settings["max_active"] > len(self.active)
        pace_left = self._spent(self.admitted + 1) <= self.tightest
        assert not (self.waiting and free and pace_left and self._admitting())

    def wrote(self, entry: dict[str, str]) -> None:
        """A change of a token."""
        assert int(entry["t"]) == self.now_ms
        assert int(entry["g"]) == self.generation
        if entry["s"] == "CLOSED":
            self.ended |= {(self.generation, n) for n in (*self.waiting, *self.active)}
            self.waiting.clear()
            self.active.clear()
            return
        number, visitor = int(entry["n"]), entry["v"]
        token = self.generation, number
        assert token not in self.ended  # A6: nothing brings it back, and it ends once
        known = self.waiting.get(number) or self.active.get(number)
        if known is None:
            self._joined(number, visitor)
        else:
            assert known == visitor
        if entry["s"] == "WAIT":
            assert known is None
            self.waiting[number] = visitor
        elif entry["s"] == "ACTIVE":
            self._activated(token, visitor, entry)
        else:
            assert entry["s"] == "EXPIRED"
            assert known is not None
            self._expired(token, entry["r"])

    def answered(
        self, visitor: str, token: Token, status: str, position: int, expires_ms: int, poll_ms: int
    ) -> None:
        """What a join or a poll was told, after the journal entries of the same call."""
        generation, number = token
        live = generation == self.generation
        if status == "WAIT":
            assert live
            assert self.waiting[number] == visitor
            assert position == 1 + sum(other < number for other in self.waiting)
            promise = self.promises[token]
            assert promise.position is None or position <= promise.position  # O3
            promise.position, promise.poll_ms = position, self.now_ms + poll_ms
        elif status == "ACTIVE":
            assert live
            assert self.active[number] == visitor
            promise = self.promises[token]
            promise.claim = None
            assert expires_ms - self._stood() == promise.due  # A7
            assert expires_ms > self.now_ms
        else:
            mine = visitor in (self.waiting.get(number), self.active.get(number))
            assert not (live and mine)

    # What it holds against it -----------------------------------------------------------------

    def _joined(self, number: int, visitor: str) -> None:
        # O1, and O5: a refused request would leave a gap.
        assert number == self.number + 1
        assert visitor not in (*self.waiting.values(), *self.active.values())  # O4
        self.number = number
        self.promises[self.generation, number] = Promise()

    def _activated(self, token: Token, visitor: str, entry: dict[str, str]) -> None:
        number = token[1]
        promise = self.promises[token]
        waited = self.waiting.pop(number, None) is not None
        assert all(number < other for other in self.waiting)  # O2
        assert number not in self.active
        assert self._admitting()  # A4
        self.active[number] = visitor
        assert len(self.active) <= self.settings["max_active"]  # A1
        assert (int(entry["a"]), int(entry["c"])) == (
            len(self.active),
            self.settings["max_active"],
        )
        assert int(entry["d"]) == self._ms("active_ttl_s")
        self._window()
        self.admitted += 1
        assert self._spent(self.admitted) <= self.tightest  # A2, A3
        promise.due = self.now_ms + self._ms("active_ttl_s") - self._stood()
        if waited:
            begins = max(self.now_ms, promise.poll_ms)
            promise.claim = begins + self._ms("claim_ttl_s") - self._stood()

    def _expired(self, token: Token, reason: str) -> None:
        waited = self.waiting.pop(token[1], None) is not None
        assert waited or self.active.pop(token[1], None) is not None
        self.ended.add(token)
        promise, at = self.promises[token], self.now_ms - self._stood()
        if reason == "idle":
            assert waited
            assert self.now_ms >= promise.poll_ms  # who comes back as told is not silent
            assert self.now_ms >= self.quiet_until_ms  # an outage evicts nobody
        elif reason == "unclaimed":
            assert promise.claim is not None
            assert at >= promise.claim
        elif reason == "timed_out":
            assert promise.due is not None
            assert at >= promise.due
        else:
            assert reason in ("left", "completed", "revoked")

    def _ms(self, setting: str) -> int:
        return int(self.settings[setting]) * 1000

    def _stood(self) -> int:
        """How long the loop has stood still in all, a running outage included."""
        gap = self.now_ms - self.beat_ms
        return self.stood_ms + (gap if gap > OUTAGE_MS else 0)

    def _admitting(self) -> bool:
        opens_at = self.settings["opens_at_ms"]
        opened = opens_at == "" or opens_at <= self.now_ms
        return opened and self.settings["state"] in ("open", "draining")

    # Pace -------------------------------------------------------------------------------------

    def _burst(self) -> int:
        return max(UNIT, int(self.settings["admit_per_minute"]) * 1000)

    def _spent(self, admitted: int) -> int:
        """What so many admissions took from the rate by now."""
        elapsed = self.now_ms - self.allowed_at_ms
        return admitted * UNIT - self.allowed - elapsed * int(self.settings["admit_per_minute"])

    def _window(self) -> None:
        """A window may begin here: it leaves the burst of now, on top of what the rate allows."""
        self.allowed = self.admitted * UNIT - self._spent(self.admitted)
        self.allowed_at_ms = self.now_ms
        self.tightest = min(self.tightest, self._spent(self.admitted) + self._burst())
