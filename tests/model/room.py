"""A room in plain Python: the reference for what the scripts in `lua/` must do.

It keeps places as objects and deadlines as plain times that an outage moves, and knows nothing of
sorted sets, scores or shifts. The one thing it takes from the store is when a visitor was told to
poll again: any promise within the bounds will do, and the claim deadline depends on it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

OUTAGE_MS = 2_000
REASONS_KEPT_MS = 900_000
LONGEST_POLL_MS = 60_000
#: A promise is remembered in steps of this length, rounded up.
PROMISE_STEP_MS = 64

#: {status, position, expires_at_ms, reason}, as the scripts answer it but for the poll interval.
Row = tuple[str, int, int, str]
#: {outcome} of a refusal, else {outcome, number, generation, *Row}.
Entered = tuple[Any, ...]


@dataclass
class Place:
    """One live place; ACTIVE once it has an end. All times in ms of the store's clock."""

    visitor: str
    number: int
    seen_ms: int = 0
    promised_ms: int = 0
    expires_ms: int | None = None
    claim_ms: int | None = None


@dataclass
class Room:
    """The room; times are passed in, and a time before the last one counts as the last one."""

    settings: dict[str, Any]
    clock_ms: int
    version: int = 1
    generation: int = field(init=False)
    beat_ms: int = field(init=False)
    level: Fraction = field(init=False)
    level_at_ms: int = field(init=False)
    idle_rest_ms: int = 0
    closed_at_ms: int = 0
    last_number: int = 0
    serving_number: int = 0
    places: dict[str, Place] = field(default_factory=dict)
    ended: dict[tuple[int, int], tuple[int, str]] = field(default_factory=dict)
    journal: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.generation = self.clock_ms // 1000
        self.beat_ms = self.level_at_ms = self.clock_ms
        self.level = Fraction(self._burst())

    # What may be asked of it ------------------------------------------------------------------

    @property
    def waiting(self) -> list[Place]:
        """In the order of their numbers."""
        return sorted(
            (p for p in self.places.values() if p.expires_ms is None), key=lambda p: p.number
        )

    @property
    def active(self) -> list[Place]:
        return [p for p in self.places.values() if p.expires_ms is not None]

    def enter(
        self, at_ms: int, journal_room: int, visitors: list[str], polls: Iterator[int]
    ) -> list[Entered]:
        """Join; `journal_room`: how many more entries the journal takes."""
        now = self._tell(at_ms)
        written = len(self.journal)
        rows: list[Entered] = []
        for visitor in visitors:
            place, outcome = self._alive(visitor, now), "held"
            if place is None:
                if self.settings["state"] not in ("open", "paused"):
                    rows.append(("closed",))
                    continue
                if len(self.journal) - written >= journal_room:
                    rows.append(("busy",))
                    continue
                place, outcome = self._new_place(visitor, now), "new"
            row = self._row(place, now, next(polls))
            rows.append((outcome, place.number, self.generation, *row))
        return rows

    def status(
        self, at_ms: int, tokens: list[tuple[str, int, int]], polls: Iterator[int]
    ) -> list[Row]:
        """Of (visitor, generation, number), any number of them."""
        now = self._tell(at_ms)
        rows = []
        for visitor, generation, number in tokens:
            poll = next(polls)
            place = None
            if self._holds(visitor, generation, number):
                place = self._alive(visitor, now)
            if place is None:
                rows.append(("EXPIRED", 0, 0, self._reason(generation, number, now)))
            else:
                rows.append(self._row(place, now, poll))
        return rows

    def finish(self, at_ms: int, token: tuple[str, int, int], reason: str) -> int:
        """End a place; 1 if it was live. A token of no live place does not even tell the time."""
        if not self._holds(*token):
            return 0
        self._end(self.places[token[0]], reason, self._tell(at_ms))
        return 1

    def admit(self, at_ms: int, limit: int) -> tuple[int, int, int, int]:
        """One round: (admitted, ended, outage_ms, more)."""
        now = self._tell(at_ms)
        outage = self._standing(now)
        for place in self.active:
            self._move(place, outage)
        self.beat_ms = now
        if outage:
            self.idle_rest_ms = max(self.idle_rest_ms, now + self._ms("idle_ttl_s"))
        ended, more = self._sweep(now, limit)
        admitted, skipped = self._admit(now, limit)
        more = more or skipped >= limit or admitted == limit
        return admitted, ended + skipped, outage, int(more)

    def configure(
        self, at_ms: int, expected: str, changes: dict[str, Any], *, reset: bool = False
    ) -> tuple[str, int]:
        if expected not in ("*", str(self.version)):
            return "conflict", self.version
        now = self._tell(at_ms)
        # What was earned so far was earned at the old rate.
        self.level, self.level_at_ms = self._level(now), now
        closes = changes.get("state") == "closed" and self.settings["state"] != "closed"
        if changes.get("idle_ttl_s", self.settings["idle_ttl_s"]) < self.settings["idle_ttl_s"]:
            # Who was told to come back later than the new time of silence may do so.
            rest = now + int(self._longest_poll()) + int(changes["idle_ttl_s"]) * 1000
            self.idle_rest_ms = max(self.idle_rest_ms, rest)
        self.settings |= changes
        self.level = min(self.level, Fraction(self._burst()))
        self.version += 1
        if closes or reset:
            self._write("", 0, now, s="CLOSED", r="closed")
            self.places.clear()
            self.generation = max(self.generation + 1, now // 1000)
            self.closed_at_ms = now
        return "changed", self.version

    # How it answers ---------------------------------------------------------------------------

    def _row(self, place: Place, now: int, poll: int) -> Row:
        assert 1 <= poll <= self._longest_poll()
        if place.expires_ms is not None:
            place.claim_ms = None
            return ("ACTIVE", 0, place.expires_ms + self._standing(now), "")
        place.seen_ms = now
        place.promised_ms = now - (-poll // PROMISE_STEP_MS) * PROMISE_STEP_MS
        return ("WAIT", self.waiting.index(place) + 1, 0, "")

    def _reason(self, generation: int, number: int, now: int) -> str:
        if (generation, number) in self.ended:
            return self.ended[generation, number][1]
        lately = now - self.closed_at_ms < REASONS_KEPT_MS
        return "closed" if generation < self.generation and lately else ""

    def _holds(self, visitor: str, generation: int, number: int) -> bool:
        place = self.places.get(visitor)
        return place is not None and (generation, number) == (self.generation, place.number)

    def _alive(self, visitor: str, now: int) -> Place | None:
        """The visitor's place, unless its time is up: then it ends here and now."""
        place = self.places.get(visitor)
        if place is not None and (reason := self._over(place, now)):
            self._end(place, reason, now)
            return None
        return place

    # Time -------------------------------------------------------------------------------------

    def _tell(self, at_ms: int) -> int:
        self.clock_ms = max(self.clock_ms, at_ms)
        return self.clock_ms

    def _ms(self, setting: str) -> int:
        return int(self.settings[setting]) * 1000

    def _longest_poll(self) -> Fraction:
        idle, claim = self._ms("idle_ttl_s"), self._ms("claim_ttl_s")
        return min(Fraction(idle, 3), Fraction(claim, 2), Fraction(LONGEST_POLL_MS))

    def _standing(self, now: int) -> int:
        """How long the admission loop has been silent, if that is an outage."""
        gap = now - self.beat_ms
        return gap if gap > OUTAGE_MS else 0

    @staticmethod
    def _move(place: Place, by_ms: int) -> None:
        assert place.expires_ms is not None
        place.expires_ms += by_ms
        if place.claim_ms is not None:
            place.claim_ms += by_ms

    def _over(self, place: Place, now: int) -> str | None:
        """Why an ACTIVE place is over: for the first of its deadlines that passed."""
        if place.expires_ms is None:
            return None
        at = now - self._standing(now)
        if place.claim_ms is not None and place.claim_ms <= min(at, place.expires_ms):
            return "unclaimed"
        return "timed_out" if place.expires_ms <= at else None

    # Admission --------------------------------------------------------------------------------

    def _burst(self) -> Fraction:
        return max(Fraction(1), Fraction(self.settings["admit_per_minute"], 60))

    def _level(self, now: int) -> Fraction:
        earned = Fraction((now - self.level_at_ms) * self.settings["admit_per_minute"], 60_000)
        return min(self._burst(), self.level + earned)

    def _admitting(self, now: int) -> bool:
        opens_at = self.settings["opens_at_ms"]
        opened = opens_at == "" or opens_at <= now
        return opened and self.settings["state"] in ("open", "draining")

    def _left(self, now: int) -> int:
        if not self._admitting(now):
            return 0
        free = int(self.settings["max_active"]) - len(self.active)
        return min(free, int(self._level(now)))

    def _new_place(self, visitor: str, now: int) -> Place:
        self.last_number += 1
        at_once = not self.waiting and self._left(now) > 0
        place = self.places[visitor] = Place(visitor, self.last_number)
        if at_once:
            self._activate(place, now)
        else:
            self._write(visitor, place.number, now, s="WAIT")
        return place

    def _activate(self, place: Place, now: int) -> None:
        self.level, self.level_at_ms = self._level(now) - 1, now
        place.expires_ms = now + self._ms("active_ttl_s") - self._standing(now)
        self.serving_number = place.number
        after, cap = str(len(self.active)), str(self.settings["max_active"])
        lasts = str(self._ms("active_ttl_s"))
        self._write(place.visitor, place.number, now, s="ACTIVE", d=lasts, a=after, c=cap)

    def _admit(self, now: int, limit: int) -> tuple[int, int]:
        """Lower numbers first; a head that fell silent ends, and the next one takes its turn."""
        quota = min(self._left(now), limit)
        admitted = skipped = 0
        while admitted < quota and skipped < limit and self.waiting:
            for place in self.waiting[: quota - admitted]:
                if self._idle(place, now):
                    self._end(place, "idle", now)
                    skipped += 1
                    continue
                place.claim_ms = max(now, place.promised_ms) + self._ms("claim_ttl_s")
                self._activate(place, now)
                admitted += 1
        return admitted, skipped

    # Ends -------------------------------------------------------------------------------------

    def _idle(self, place: Place, now: int) -> bool:
        return now >= self.idle_rest_ms and place.seen_ms <= now - self._ms("idle_ttl_s")

    def _sweep(self, now: int, limit: int) -> tuple[int, bool]:
        """End what is over, at most `limit` of each kind: (ended, whether some may be left)."""
        ended, more = 0, False
        for kind in ("claim_ms", "expires_ms", "silent"):
            over = self._silent(now) if kind == "silent" else self._due(now, kind)
            batch = over[:limit]
            for place in batch:
                self._end(place, self._over(place, now) or "idle", now)
            ended += len(batch)
            more = more or len(batch) == limit
        old = [
            (at, f"{generation}.{number}", (generation, number))
            for (generation, number), (at, _) in self.ended.items()
            if at <= now - REASONS_KEPT_MS
        ]
        for _, _, token in sorted(old)[:limit]:
            del self.ended[token]
        return ended, more

    def _due(self, now: int, deadline: str) -> list[Place]:
        over = [p for p in self.active if (at := getattr(p, deadline)) is not None and at <= now]
        return sorted(over, key=lambda p: (getattr(p, deadline), p.visitor))

    def _silent(self, now: int) -> list[Place]:
        idle = [p for p in self.waiting if self._idle(p, now)]
        return sorted(idle, key=lambda p: (p.seen_ms, p.promised_ms, p.visitor))

    def _end(self, place: Place, reason: str, now: int) -> None:
        del self.places[place.visitor]
        self.ended[self.generation, place.number] = now, reason
        self._write(place.visitor, place.number, now, s="EXPIRED", r=reason)

    def _write(self, visitor: str, number: int, now: int, **more: str) -> None:
        entry = {"v": visitor, "g": str(self.generation), "n": str(number), "t": str(now)}
        self.journal.append(entry | more)
