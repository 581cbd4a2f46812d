"""A room in plain Python: the reference for what the scripts in `lua/` must do.

It keeps places as objects and deadlines as plain times that an outage moves, and knows nothing of
sorted sets, scores or shifts. The one thing it takes from the store is when a visitor was told to
poll again: any promise within the bounds will do, and the claim deadline depends on it.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.model.lanes import Lane, next_lane, only_line, parse, redefined
from tests.model.place import Place, ended_id
from tests.model.rate import Rate
from tests.model.seats import BySeat, Seats
from tests.model.times import Times

REASONS_KEPT_MS = 900_000
NEAR_POLL_MS = 1_000
PACE_SLOT_MS = 10_000
#: A promise is remembered in steps of this length, rounded up.
PROMISE_STEP_MS = 64

#: {status, position, expires_at_ms, reason, lane}, as the scripts answer it but for the poll.
Row = tuple[str, int, int, str, str]
#: {outcome} of a refusal, else {outcome, number, generation, *Row}.
Entered = tuple[Any, ...]


@dataclass
class Room(Times):
    """The room; times are passed in, and a time before the last one counts as the last one."""

    version: int = 1
    generation: int = field(init=False)
    rate: Rate = field(init=False)
    lanes: list[Lane] = field(init=False)
    idle_rest_ms: int = 0
    by_seat: BySeat = field(default_factory=BySeat)
    closed_reason: str = ""
    last_number: int = 0
    serving_number: int = 0
    #: By generation and number; None for all of a generation.
    ended: dict[tuple[int, int | None], tuple[int, str]] = field(default_factory=dict)
    journal: list[dict[str, str]] = field(default_factory=list)
    #: Admissions, and ends by their reason.
    counted: Counter[str] = field(default_factory=Counter)
    #: '<ten seconds>.<figure>' -> amount.
    pace: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.generation = self.beat_ms = self.clock_ms
        self.rate = Rate(self.settings["admit_per_minute"], self.clock_ms)
        self.lanes = redefined(only_line(), parse(self.settings["lanes"]), set()) or []

    # What may be asked of it ------------------------------------------------------------------

    @property
    def waiting(self) -> list[Place]:
        """In the order of their numbers."""
        return sorted(
            (p for p in self.places.values() if p.expires_ms is None), key=lambda p: p.number
        )

    def line(self, lane: Lane) -> list[Place]:
        """Who waits in a lane, in the order of their numbers."""
        return [place for place in self.waiting if place.slot == lane.slot]

    def counts(self) -> list[Any]:
        """{lane, waiting ...}."""
        return [part for lane in self.lanes for part in (lane.name, len(self.line(lane)))]

    def enter(
        self, at_ms: int, journal_room: int, joins: list[tuple[str, str]], polls: Iterator[int]
    ) -> list[Entered]:
        """Join, each (visitor, lane); `journal_room`: how many more entries the journal takes."""
        now = self._tell(at_ms)
        written = len(self.journal)
        rows: list[Entered] = []
        for visitor, lane in joins:
            place, outcome = self._alive(visitor, now), "held"
            if place is None:
                if self.settings["state"] not in ("open", "paused"):
                    closed = self.settings["state"] == "closed"
                    rows.append(("closed", self.closed_reason if closed else ""))
                    continue
                if len(self.journal) - written >= journal_room:
                    rows.append(("busy", ""))
                    continue
                place, outcome = self._new_place(visitor, lane, now), "new"
            row = self._row(place, now, next(polls))
            rows.append((outcome, place.number, self.generation, *row))
        # Who gets in line is written down after all else that the call found.
        self.journal[written:] = sorted(self.journal[written:], key=lambda e: e.get("s") == "WAIT")
        return rows

    def status(
        self, at_ms: int, tokens: list[tuple[str, int, int]], polls: Iterator[int]
    ) -> list[Row]:
        """Of (visitor, generation, number), any number of them."""
        now = self._tell(at_ms)
        rows: list[Row] = []
        for visitor, generation, number in tokens:
            poll = next(polls)
            place = None
            if self._holds(visitor, generation, number):
                place = self._alive(visitor, now)
            if place is None:
                rows.append(("EXPIRED", 0, 0, self._reason(generation, number), ""))
            else:
                rows.append(self._row(place, now, poll))
        return rows

    def look(self, at_ms: int, visitors: list[str]) -> list[list[Any]]:
        """What operators see; nothing changes."""
        now = max(self.clock_ms, at_ms)
        rows: list[list[Any]] = []
        for visitor in visitors:
            place = self.places.get(visitor)
            if place is None or self._over(place, now):
                rows.append([])
                continue
            claimed = int(place.expires_ms is not None and place.claim_ms is None)
            rows.append([place.number, self.generation, *self._seen(place, now), claimed])
            rows[-1].pop(5)  # the reason
        return rows

    def finish(self, at_ms: int, tokens: list[tuple[str, int, int]], reason: str) -> list[int]:
        """End places; 1 for each that was live. A token of none does not even tell the time."""
        rows = []
        for token in tokens:
            live = self._holds(*token)
            if live:
                self._end(self.places[token[0]], reason, self._tell(at_ms))
            rows.append(int(live))
        return rows

    def admit(
        self, at_ms: int, limit: int, by_hand: int | None = None
    ) -> tuple[int, int, int, int, int]:
        """One round: (admitted, ended, outage_ms, more, live)."""
        now = self._tell(at_ms)
        outage, beat = self._standing(now), now - self.beat_ms
        moved = outage > 0 and bool(self.active)
        self._move(outage)
        self.beat_ms = now
        if outage:
            self.idle_rest_ms = max(self.idle_rest_ms, now + self._ms("idle_ttl_s"))
        ended, more = self._sweep(now, limit)
        # Where seats decide who comes in, the line says nothing of its pace.
        paced = self.by_seat.left(now) >= len(self.waiting)
        if self._admitting(now) and paced and not outage:
            for slot in {place.slot for place in self.waiting}:
                self._count_pace(f"busy{slot}", beat, now)
        admitted, skipped = self._admit(now, limit, by_hand, paced=paced)
        if moved:
            self._write("", 0, now, s="MOVED")
        more = more or skipped >= limit or (admitted == limit and by_hand is None)
        return admitted, ended + skipped, outage, int(more), len(self.places)

    def extend(self, at_ms: int, more_ms: int) -> int:
        """Everybody ACTIVE has more time; how many they are."""
        now = self._tell(at_ms)
        self._move(more_ms)
        self._write("", 0, now, s="MOVED")
        return len(self.active)

    def configure(
        self, at_ms: int, expected: str, changes: dict[str, Any], *, reset: bool = False
    ) -> tuple[str, int]:
        if expected not in ("*", str(self.version)):
            return "conflict", self.version
        now = max(self.clock_ms, at_ms)
        closes = changes.get("state") == "closed" and self.settings["state"] != "closed"
        if "lanes" in changes:
            busy = set() if closes or reset else {place.slot for place in self.waiting}
            lanes = redefined(self.lanes, parse(changes["lanes"]), busy)
            if lanes is None:
                return "lane_busy", self.version
            self.lanes = lanes
        self._tell(now)
        if changes.get("idle_ttl_s", self.settings["idle_ttl_s"]) < self.settings["idle_ttl_s"]:
            # Who was told to come back later than the new time of silence may do so.
            rest = now + int(self._longest_poll()) + int(changes["idle_ttl_s"]) * 1000
            self.idle_rest_ms = max(self.idle_rest_ms, rest)
        self.settings |= changes
        self.rate.change(self.settings["admit_per_minute"], now)
        self.version += 1
        if not self.settings["ends_with_sale"]:
            self.by_seat.forget()
        if closes or reset:
            reason = self.closed_reason
            self._end_all("closed", now)
            self.closed_reason = "closed" if closes else reason
        if reset:
            self.last_number = self.serving_number = 0
            self.counted.clear()
            self.pace.clear()
            for lane in self.lanes:
                lane.credit = 0
        return "changed", self.version

    def sell(self, at_ms: int, seats: Seats | None, served: tuple[int, set[int]]) -> str:
        """What is left of the seats; None when it guards none. `served`: a generation, and numbers
        of it that have a seat by now. Returns told | closed | old."""
        now = max(self.clock_ms, at_ms)
        if seats is not None and self.by_seat.is_old(now, seats):
            return "old"
        self._tell(now)
        if seats is None:
            self.by_seat = BySeat()
            return "told"
        generation, numbers = served
        ends = bool(self.settings["ends_with_sale"])
        mine = numbers if generation == self.generation else set()
        over = self.by_seat.told(now, seats, mine, ends=ends)
        if not over or self.settings["state"] == "closed":
            return "told"
        self._end_all("sold_out", now)
        self.settings["state"] = "closed"
        self.version += 1
        return "closed"

    # How it answers ---------------------------------------------------------------------------

    def _row(self, place: Place, now: int, poll: int) -> Row:
        assert 1 <= poll <= self._longest_poll()
        row = self._seen(place, now)
        if place.expires_ms is not None:
            place.claim_ms = None
            return row
        opens_in = max(0, int(self.settings["opens_at_ms"] or 0) - now)
        assert poll <= NEAR_POLL_MS * row[1] + opens_in / 10  # 1 s near the front
        place.seen_ms = now
        place.promised_ms = now - (-poll // PROMISE_STEP_MS) * PROMISE_STEP_MS
        return row

    def _seen(self, place: Place, now: int) -> Row:
        if place.expires_ms is not None:
            return ("ACTIVE", 0, place.expires_ms + self._standing(now), "", "")
        (lane,) = (lane for lane in self.lanes if lane.slot == place.slot)
        return ("WAIT", self.line(lane).index(place) + 1, 0, "", lane.name)

    def _reason(self, generation: int, number: int) -> str:
        if (generation, number) in self.ended:
            return self.ended[generation, number][1]
        return self.ended.get((generation, None), (0, ""))[1]

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

    # Admission --------------------------------------------------------------------------------

    def _admitting(self, now: int) -> bool:
        opens_at = self.settings["opens_at_ms"]
        opened = opens_at == "" or opens_at <= now
        shut = self.settings["state"] not in ("open", "draining")
        return opened and not shut and self.by_seat.left(now) > 0

    def _left(self, now: int, by_hand: int | None = None) -> int:
        if not self._admitting(now):
            return 0
        free = int(self.settings["max_active"]) - len(self.active)
        wanted = by_hand
        if wanted is None:
            wanted = min(self.rate.left(now), self.by_seat.left(now))
        return max(0, min(free, wanted))

    def _new_place(self, visitor: str, name: str, now: int) -> Place:
        self.last_number += 1
        at_once = not self.waiting and self._left(now) > 0
        lane = next((lane for lane in self.lanes if lane.name == name), self.lanes[-1])
        place = self.places[visitor] = Place(visitor, self.last_number, lane.slot)
        if at_once:
            self.rate.take(now)
            self._activate(place, now)
        else:
            self._write(visitor, place.number, now, s="WAIT")
        return place

    def _activate(self, place: Place, now: int) -> None:
        place.expires_ms = now + self._ms("active_ttl_s") - self._standing(now)
        self.serving_number = place.number
        self.by_seat.admitted(place.number)
        self.counted["admitted"] += 1
        self._count_pace("all", 1, now)
        after, cap = str(len(self.active)), str(self.settings["max_active"])
        lasts = str(self._ms("active_ttl_s"))
        self._write(place.visitor, place.number, now, s="ACTIVE", d=lasts, a=after, c=cap)

    def _admit(self, now: int, limit: int, by_hand: int | None, *, paced: bool) -> tuple[int, int]:
        """Lanes in turn, lower numbers first; (admitted, silent heads ended on the way)."""
        quota = min(self._left(now, by_hand), limit)
        admitted = skipped = 0
        while admitted < quota:
            for lane in self.lanes:
                while skipped < limit and (line := self.line(lane)) and self._idle(line[0], now):
                    self._end(line[0], "idle", now)
                    skipped += 1
            if skipped >= limit:
                break
            chosen = next_lane(self.lanes, {place.slot for place in self.waiting})
            if chosen is None:
                break
            place = self.line(chosen)[0]
            place.claim_ms = max(now, place.promised_ms) + self._ms("claim_ttl_s")
            place.by_hand = by_hand is not None
            if not place.by_hand:
                self.rate.take(now)
            self._activate(place, now)
            if paced:
                self._count_pace(str(chosen.slot), 1, now)
            admitted += 1
        return admitted, skipped

    def _count_pace(self, figure: str, amount: int, now: int) -> None:
        if amount:
            self.pace[f"{now // PACE_SLOT_MS}.{figure}"] += amount

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
            (at, ended_id(token), token)
            for token, (at, _) in self.ended.items()
            if at <= now - REASONS_KEPT_MS
        ]
        for _, _, token in sorted(old, key=lambda one: one[:2])[:limit]:
            del self.ended[token]
        return ended, more

    def _due(self, now: int, deadline: str) -> list[Place]:
        over = [p for p in self.active if (at := getattr(p, deadline)) is not None and at <= now]
        # Of claims of one moment, those let in by hand come first.
        hands = deadline == "claim_ms"
        return sorted(
            over, key=lambda p: (getattr(p, deadline), hands and not p.by_hand, p.visitor)
        )

    def _silent(self, now: int) -> list[Place]:
        idle = [p for p in self.waiting if self._idle(p, now)]
        return sorted(idle, key=lambda p: (p.seen_ms, p.promised_ms, p.visitor))

    def _end(self, place: Place, reason: str, now: int) -> None:
        del self.places[place.visitor]
        self.by_seat.called.discard(place.number)
        self.ended[self.generation, place.number] = now, reason
        self.counted[reason] += 1
        if reason == "unclaimed" and self.settings["compensate_no_shows"] and not place.by_hand:
            self.rate.give_back(now)
        self._write(place.visitor, place.number, now, s="EXPIRED", r=reason)

    def _end_all(self, reason: str, now: int) -> None:
        self._write("", 0, now, s="CLOSED", r=reason)
        self.counted[reason] += len(self.places)
        self.places.clear()
        self.by_seat.called.clear()
        self.closed_reason = reason
        self.ended[self.generation, None] = now, reason
        self.generation = max(self.generation + 1, now)

    def _write(self, visitor: str, number: int, now: int, **more: str) -> None:
        entry = {"v": visitor, "g": str(self.generation), "n": str(number), "t": str(now)}
        self.journal.append(entry | more)
