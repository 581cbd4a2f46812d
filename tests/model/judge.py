"""Judges a room by what comes out of it: its answers and its journal.

It keeps no deadlines, no queue and no bucket of its own accord; it only holds what was said against
the invariants of the design (O1-O5, A1-A7) and against what visitors were promised.
"""

from dataclasses import dataclass, field
from typing import Any

from tests.model.lanes import parse
from tests.model.windows import Shares, Windows

OUTAGE_MS = 2_000
SEATS_KEPT_MS = 10_000

Token = tuple[int, int]


@dataclass
class Promise:
    """What a token's holder may rely on. Times in ms; `due` and `claim` less the outages so far.

    `counts`: it was admitted by the rate, not by hand.
    """

    poll_ms: int = 0
    counts: bool = False
    position: int | None = None
    due: int | None = None
    claim: int | None = None


@dataclass
class Judge:
    """Told of every change of settings, every tick, every journal entry and every answer.

    Order, position and numbers are judged per lane: `lanes` says where each number waits.
    """

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
    lanes: dict[int, str] = field(default_factory=dict)
    wanted: dict[str, str] = field(default_factory=dict)
    by_hand: bool = False
    # What was told of the seats, and when; who was let in since they were all held, and has none.
    seats: tuple[int, int, int] | None = None
    seats_at_ms: int = 0
    by_seat: bool = False
    over: bool = False
    guests: set[int] = field(default_factory=set)
    # A2: admissions less those ended unclaimed where the room compensates for them; all admissions,
    # at most twice as many; and what the rate leaves for certain, without any compensation (A5).
    net: Windows = field(init=False)
    gross: Windows = field(init=False)
    sure: Windows = field(init=False)
    shares: Shares = field(init=False)

    def __post_init__(self) -> None:
        self.beat_ms = self.now_ms
        rate = int(self.settings["admit_per_minute"])
        self.net, self.sure = Windows(rate, self.now_ms), Windows(rate, self.now_ms)
        self.gross = Windows(rate, self.now_ms, times=2)
        self.shares = Shares(dict(self._declared()))

    # What it is told --------------------------------------------------------------------------

    def configured(self, changes: dict[str, Any], generation: int, *, reset: bool = False) -> None:
        """Settings changed now; `generation`: what the room says it is from now on."""
        before = self._declared()
        self.settings |= changes
        for windows in (self.net, self.gross, self.sure):
            windows.begin(self.now_ms, int(self.settings["admit_per_minute"]))
        if generation != self.generation:
            assert generation > self.generation
            assert not self.waiting
            assert not self.active
            self.generation = generation
            self.guests.clear()
        if not self.settings["ends_with_sale"]:
            self.by_seat = self.over = False
            self.guests.clear()
        if reset:
            self.number = 0
        if "lanes" in changes:
            self._lanes_changed(before)

    def made_anew(self, settings: dict[str, Any], now_ms: int, generation: int) -> "Judge":
        """The room was deleted, and another one of its name created: a judge of that one."""
        assert not self.waiting
        assert not self.active
        assert generation > self.generation  # nobody's old token is anybody's new place
        anew = Judge(settings, now_ms, generation)
        anew.ended, anew.promises = self.ended, self.promises
        return anew

    def asked(self, visitor: str, lane: str) -> None:
        """A visitor is about to join, with this lane."""
        self.wanted[visitor] = lane

    def counted(self, seats: tuple[int, int, int] | None, served: set[int]) -> None:
        """Of the seats it guards so many are available, reserved and sold, as it was told."""
        self.seats, self.seats_at_ms = seats, self.now_ms
        self.guests -= served
        if seats is None:
            self.by_seat = self.over = False
            self.guests.clear()
        elif self.settings["ends_with_sale"]:
            available, reserved, sold = seats
            if not available:
                self.guests.clear()
            if sold and not available and not reserved:
                self.by_seat, self.over = False, True
            elif available if self.over else reserved and not available:
                self.by_seat, self.over = True, False

    def extended(self, more_ms: int) -> None:
        """An operator gave everybody ACTIVE more time."""
        self.stood_ms += more_ms

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
        pace_left = self.sure.left(self.now_ms)
        assert not (self.waiting and free and pace_left and self._admitting())

    def wrote(self, entry: dict[str, str]) -> None:
        """A change of a token."""
        assert int(entry["t"]) == self.now_ms
        assert int(entry["g"]) == self.generation
        if entry["s"] == "MOVED":
            return
        if entry["s"] == "CLOSED":
            self.ended |= {(self.generation, n) for n in (*self.waiting, *self.active)}
            self.waiting.clear()
            self.active.clear()
            self.shares.see(frozenset())
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
            names = [name for name, _ in self._declared()]
            wanted = self.wanted[visitor]
            self.lanes[number] = wanted if wanted in names else names[-1]
        elif entry["s"] == "ACTIVE":
            self._activated(token, visitor, entry)
        else:
            assert entry["s"] == "EXPIRED"
            assert known is not None
            self._expired(token, entry["r"])
        self.shares.see(frozenset(self.lanes[number] for number in self.waiting))

    def answered(self, visitor: str, token: Token, row: list[Any]) -> None:
        """What a join or a poll was told, after the journal entries of the same call.

        `row`: {status, position, poll_after_ms, expires_at_ms, reason, lane}.
        """
        status, position, poll_ms, expires_ms, _, lane = row
        generation, number = token
        live = generation == self.generation
        if status == "WAIT":
            assert live
            assert self.waiting[number] == visitor
            assert lane == self.lanes[number]
            assert position == 1 + sum(other < number for other in self._line(lane))
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
        waited = number in self.waiting
        if waited:
            lane = self.lanes[number]
            self.shares.admitted(lane)
            del self.waiting[number]
            assert all(number < other for other in self._line(lane))  # O2
        else:
            assert not self.waiting
            assert not self.by_hand
        assert number not in self.active
        assert self._admitting()  # A4
        self._takes_a_seat(number)
        self.active[number] = visitor
        assert len(self.active) <= self.settings["max_active"]  # A1
        assert (int(entry["a"]), int(entry["c"])) == (
            len(self.active),
            self.settings["max_active"],
        )
        assert int(entry["d"]) == self._ms("active_ttl_s")
        if not self.by_hand:
            promise.counts = True
            for windows in (self.net, self.gross):
                assert windows.left(self.now_ms)  # A2, A3
                windows.count(self.now_ms)
            self.sure.count(self.now_ms)
            self.sure.forgive(self.now_ms)
        promise.due = self.now_ms + self._ms("active_ttl_s") - self._stood()
        if waited:
            begins = max(self.now_ms, promise.poll_ms)
            promise.claim = begins + self._ms("claim_ttl_s") - self._stood()

    def _expired(self, token: Token, reason: str) -> None:
        waited = self.waiting.pop(token[1], None) is not None
        assert waited or self.active.pop(token[1], None) is not None
        self.ended.add(token)
        self.guests.discard(token[1])
        promise, at = self.promises[token], self.now_ms - self._stood()
        if reason == "idle":
            assert waited
            assert self.now_ms >= promise.poll_ms  # who comes back as told is not silent
            assert self.now_ms >= self.quiet_until_ms  # an outage evicts nobody
        elif reason == "unclaimed":
            assert promise.claim is not None
            assert at >= promise.claim
            if promise.counts and self.settings["compensate_no_shows"]:
                self.net.count(self.now_ms, -1)
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
        free = self._known_seats()
        has_seat = free is None or len(self.guests) < free
        return opened and has_seat and self.settings["state"] in ("open", "draining")

    # Seats ------------------------------------------------------------------------------------

    def _known_seats(self) -> int | None:
        """How many are free, where that decides who comes in."""
        known = self.seats is not None and self.now_ms - self.seats_at_ms <= SEATS_KEPT_MS
        return self.seats[0] if self.seats and known and self.by_seat else None

    def _takes_a_seat(self, number: int) -> None:
        """A seat that came back admits one at most."""
        if not self.by_seat:
            return
        self.guests.add(number)
        free = self._known_seats()
        if free is not None:
            assert free
            assert self.by_hand or len(self.guests) <= free

    # Lanes ------------------------------------------------------------------------------------

    def _declared(self) -> list[tuple[str, int]]:
        """(name, weight); a room without lanes has one, without a name."""
        return parse(self.settings["lanes"]) or [("", 1)]

    def _line(self, lane: str) -> list[int]:
        return [number for number in self.waiting if self.lanes[number] == lane]

    def _lanes_changed(self, before: list[tuple[str, int]]) -> None:
        """Nobody is in another line than before; the last one may have got another name."""
        now = [name for name, _ in self._declared()]
        gone = {self.lanes[number] for number in self.waiting} - set(now)
        if now != [""]:
            assert gone <= {before[-1][0]}
            assert not gone or now[-1] not in dict(before)
        assert len(gone) <= 1
        for number in self.waiting:
            if self.lanes[number] in gone:
                self.lanes[number] = now[-1]
        self.shares = Shares(dict(self._declared()))
        self.shares.see(frozenset(self.lanes[number] for number in self.waiting))
