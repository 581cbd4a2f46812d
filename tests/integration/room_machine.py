"""Whatever may happen to one room, as hypothesis drives it.

After every step the answers, the journal and what the store keeps are compared with the model, and
a judge that knows only answers and journal holds them against the invariants.
"""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from redis import Redis

from queue_gateway.room_settings import DEFAULTS
from shared.scripts import LUA, source
from tests.integration.room_choices import (
    LANES,
    VISITORS,
    ages,
    caps,
    few,
    limits,
    rates,
    some_changes,
    some_joins,
    some_lanes,
    some_picks,
    some_visitors,
    times,
    weights,
)
from tests.integration.room_kept import KEYS, Kept
from tests.model.judge import Judge
from tests.model.room import Room
from tests.model.seats import Seats

SCRIPTS = sorted(path.stem for path in LUA.glob("*.lua"))
BEGIN_MS = 1_800_000_000_000
PLENTY = 1_000_000

Token = tuple[str, int, int]


class RoomMachine(RuleBasedStateMachine):
    """One room on one store, its model and its judge."""

    def __init__(self, client: "Redis") -> None:
        super().__init__()
        self.client = client
        client.flushall()
        self.scripts = {name: client.register_script(source(name)) for name in SCRIPTS}
        self.now_ms = BEGIN_MS
        self.tokens: list[Token] = []
        self.counts = 0
        self.called: list[int] = []

    def run_script(self, name: str, *args: Any) -> Any:
        return self.scripts[name](keys=KEYS, args=[self.now_ms, *args])

    # What happens -----------------------------------------------------------------------------

    @initialize(max_active=caps, rate=rates, chosen=st.fixed_dictionaries(times), lanes=some_lanes)
    def create(
        self, max_active: int, rate: int, chosen: dict[str, Any], lanes: list[tuple[str, int]]
    ) -> None:
        chosen = {**DEFAULTS, "max_active": max_active, "admit_per_minute": rate, **chosen}
        chosen["ends_with_sale"] = 1
        chosen["lanes"] = _declaration(lanes)
        assert self.run_script("configure", "7", 0, 0, *_flat(chosen)) == ["missing", 0]
        assert self.run_script("remove") == "missing"
        self.begin(chosen)
        self.judge = Judge(dict(chosen), self.now_ms, self.room.generation)
        self.compare()

    def begin(self, chosen: dict[str, Any]) -> None:
        assert self.run_script("configure", "none", 0, 0, *_flat(chosen)) == ["created", 1]
        self.room = Room(dict(chosen), self.now_ms)

    @rule(joins=some_joins, journal_room=st.sampled_from([PLENTY] * 4 + [0, 1, 2]))
    def some_join(self, joins: list[tuple[str, str]], journal_room: int) -> None:
        self.join(joins, journal_room)

    def join(self, joins: list[tuple[str, str]], journal_room: int = PLENTY) -> None:
        # The first of two joins in one call decides.
        for visitor, lane in reversed(joins):
            self.judge.asked(visitor, lane)
        waiting, counts, rows = self.run_script("enter", journal_room, *_flat(joins))
        polls = iter([row[5] for row in rows if len(row) > 2])
        expected = self.room.enter(self.now_ms, journal_room, joins, polls)
        assert [_without_poll(row, 5) for row in rows] == expected
        assert (waiting, counts) == (len(self.room.waiting), self.room.counts())
        self.compare()
        for (visitor, _), row in zip(joins, rows, strict=True):
            if len(row) > 2:
                _, number, generation, *answer = row
                if (visitor, generation, number) not in self.tokens:
                    self.tokens.append((visitor, generation, number))
                self.judge.answered(visitor, (generation, number), answer)

    @rule(
        max_active=st.integers(1, 6),
        rate=st.sampled_from([60, 600, 6000]),
        limit=limits,
        lanes=st.lists(st.sampled_from(LANES), min_size=12, max_size=12),
    )
    def a_rush(self, max_active: int, rate: int, limit: int, lanes: list[str]) -> None:
        """So that no sequence gets stuck in a room that admits nobody."""
        self.configure({"max_active": 0})
        self.configure({"state": "open", "opens_in_ms": None})
        self.join(list(zip(VISITORS, lanes, strict=True)))
        self.configure({"max_active": max_active, "admit_per_minute": rate})
        self.time_passes(2, limit, everybody_polls=False)

    @precondition(lambda self: self.tokens)
    @rule(picks=some_picks)
    def poll(self, picks: list[int]) -> None:
        # The last ones more often than their number says: most tokens ended long ago.
        latest = self.tokens[-8:]
        self.ask([(latest if pick % 4 else self.tokens)[pick % len(latest)] for pick in picks])

    @precondition(lambda self: self.tokens)
    @rule()
    def poll_all(self) -> None:
        self.ask(self.tokens[-8:])

    @precondition(lambda self: self.tokens)
    @rule(pick=st.integers(0, PLENTY), visitor=st.sampled_from(VISITORS), by=st.integers(-1, 1))
    def poll_what_was_never_given(self, pick: int, visitor: str, by: int) -> None:
        _, generation, number = self.tokens[pick % len(self.tokens)]
        wrong = [(visitor, generation + by, number), (visitor, generation, number + by)]
        self.ask([token for token in wrong if token not in self.tokens] or self.tokens[:1])

    def ask(self, tokens: list[Token]) -> None:
        waiting, counts, rows = self.run_script("status", *_flat(tokens))
        expected = self.room.status(self.now_ms, tokens, iter([row[2] for row in rows]))
        assert [_without_poll(row, 2) for row in rows] == expected
        assert (waiting, counts) == (len(self.room.waiting), self.room.counts())
        changed = self.compare()
        assert all(entry.get("r") in ("unclaimed", "timed_out") for entry in changed)  # A7
        for (visitor, *token), row in zip(tokens, rows, strict=True):
            self.judge.answered(visitor, (token[0], token[1]), row)

    @rule(visitors=some_visitors)
    def operators_look(self, visitors: list[str]) -> None:
        before = self.dump()
        rows = self.run_script("look", *visitors)
        assert rows == self.room.look(self.now_ms, visitors)
        assert self.dump() == before  # no sign of life, no claim, no end

    @precondition(lambda self: self.tokens)
    @rule(
        picks=st.lists(st.integers(0, PLENTY), min_size=1, max_size=3),
        reason=st.sampled_from(["left", "completed", "revoked"]),
    )
    def finish(self, picks: list[int], reason: str) -> None:
        latest = self.tokens if picks[0] % 4 == 0 else self.tokens[-6:]
        tokens = [latest[pick % len(latest)] for pick in picks]
        before = self.dump()
        done = self.run_script("finish", reason, *_flat(tokens))
        assert done == self.room.finish(self.now_ms, tokens, reason)
        assert any(done) or self.dump() == before  # O5
        assert len(self.compare()) == sum(done)  # A6
        assert self.run_script("finish", reason, *_flat(tokens)) == [0] * len(tokens)

    @rule(step_ms=st.integers(1, 2000), limit=limits)
    def tick_later(self, step_ms: int, limit: int) -> None:
        self.now_ms += step_ms
        self.tick(limit)

    @rule(limit=limits)
    def one_round(self, limit: int) -> None:
        """A process of ours died in the middle of its tick, or several tick at once."""
        self.admit(limit)

    @rule(count=st.integers(0, 8), limit=limits)
    def some_are_let_in_by_hand(self, count: int, limit: int) -> None:
        self.admit(limit, by_hand=count)

    @rule(ticks=st.sampled_from([2, 5, 12]), limit=limits, everybody_polls=st.booleans())
    def some_time_passes(self, ticks: int, limit: int, everybody_polls: bool) -> None:
        self.time_passes(ticks, limit, everybody_polls=everybody_polls)

    def time_passes(self, ticks: int, limit: int, *, everybody_polls: bool) -> None:
        for _ in range(ticks):
            self.now_ms += 1000
            if everybody_polls and self.tokens:
                self.ask(self.tokens[-12:])
            self.tick(limit)

    @rule(gap_ms=st.sampled_from([1999, 2000, 2001, 5_000, 30_000, 450_000, 900_000]))
    def nothing_of_ours_runs(self, gap_ms: int) -> None:
        """Until the next tick: visitors may come back before it."""
        self.now_ms += gap_ms

    @rule(back_ms=st.integers(1, 100_000), limit=limits)
    def the_clock_steps_back(self, back_ms: int, limit: int) -> None:
        self.tick(limit)
        ahead = self.now_ms
        self.now_ms -= back_ms
        self.tick(limit)
        if self.tokens:
            self.ask(self.tokens[-3:])
        self.now_ms = ahead

    @rule(changes=some_changes, expected=st.sampled_from(["*", "*", "this", "last", "none"]))
    def change(self, changes: dict[str, Any], expected: str) -> None:
        version = self.room.version
        self.configure(
            changes, {"this": str(version), "last": str(version - 1)}.get(expected, expected)
        )

    @rule(lanes=some_lanes)
    def declare_lanes(self, lanes: list[tuple[str, int]]) -> None:
        self.configure({"lanes": _declaration(lanes)})

    @rule(new=st.lists(weights, min_size=4, max_size=4), turn=st.integers(0, 3))
    def weigh_lanes_anew(self, new: list[int], turn: int) -> None:
        """The same lanes with other weights, and in another order."""
        names = [lane.name for lane in self.room.lanes if lane.name]
        names = names[turn:] + names[:turn]
        self.configure({"lanes": _declaration(list(zip(names, new, strict=False)))})

    @rule(name=st.sampled_from(LANES))
    def call_the_last_lane(self, name: str) -> None:
        *others, last = [(lane.name, lane.weight) for lane in self.room.lanes]
        if name not in dict(others):
            self.configure({"lanes": _declaration([*others, (name, last[1])])})

    @rule(available=few, reserved=few, sold=few, age=ages, picks=some_picks)
    def seats_are_counted(
        self, available: int, reserved: int, sold: int, age: int, picks: list[int]
    ) -> None:
        """At times by a process that comes late with an old count."""
        self.counts += 3
        version = max(0, self.counts - age)
        known = self.called + [number for _, _, number in self.tokens[-3:]]
        served = {known[pick % len(known)] for pick in picks} if known and picks[0] % 2 else set()
        self.sell(Seats(version, available, reserved, sold), served)

    @rule(seats=st.sampled_from([(0, 2, 1), (1, 1, 1), (2, 0, 1), (0, 1, 2)]), limit=limits)
    def seats_run_out_and_come_back(self, seats: tuple[int, int, int], limit: int) -> None:
        """One comes in for each, however fast the line would move."""
        self.configure({"ends_with_sale": 1, "admit_per_minute": 6000, "max_active": 6})
        for count in ((0, 3, 0), seats):
            self.counts += 1
            self.sell(Seats(self.counts, *count), set())
            self.now_ms += 1000
            self.tick(limit)

    @rule()
    def nothing_is_on_sale(self) -> None:
        self.sell(None, set())

    def sell(self, seats: Seats | None, served: set[int]) -> None:
        generation, before = self.room.generation, self.dump()
        told = ["", 0, 0, 0] if seats is None else [seats.version, *_flat([_numbers(seats)])]
        answer = self.run_script("sell", *told, "[]", generation, *sorted(served))
        outcome = self.room.sell(self.now_ms, seats, (generation, served))
        by_seat = outcome != "old" and self.room.by_seat.phase == "by_seat"
        assert answer[:3] == [outcome, self.room.generation, int(by_seat)]
        if outcome == "old":
            assert self.dump() == before
            return
        self.called = [int(number) for number in answer[3:]]
        assert set(self.called) == self.room.by_seat.called
        changes = {"state": "closed"} if outcome == "closed" else {}
        self.compare(changes)
        self.judge.counted(None if seats is None else _numbers(seats), served)

    @rule(more_ms=st.sampled_from([1, 1000, 7_777, 60_000]))
    def extend(self, more_ms: int) -> None:
        active = self.run_script("extend", more_ms)
        assert active == self.room.extend(self.now_ms, more_ms)
        self.judge.extended(more_ms)
        self.compare()

    @rule(changes=st.fixed_dictionaries(times), limit=limits)
    def the_times_change(self, changes: dict[str, Any], limit: int) -> None:
        self.ask(self.tokens[-12:])
        self.configure(changes)
        self.time_passes(2, limit, everybody_polls=False)

    @precondition(lambda self: len(self.room.places) > 3)
    @rule(reset=st.booleans(), reopen=st.booleans())
    def end_all(self, reset: bool, reopen: bool) -> None:
        self.configure({} if reset else {"state": "closed"}, reset=reset)
        self.ask(self.tokens[-8:])
        if reopen:
            self.configure({"state": "open"})

    @precondition(lambda self: len(self.room.places) > 3)
    @rule(wait_ms=st.integers(0, 2), lanes=some_lanes)
    def delete_and_create_again(self, wait_ms: int, lanes: list[tuple[str, int]]) -> None:
        if self.room.settings["state"] != "closed":
            assert self.run_script("remove") == "open"
            self.configure({"state": "closed"})
        while self.now_ms <= self.room.generation:
            before = self.dump()
            assert self.run_script("remove") == "busy"
            assert self.dump() == before
            self.now_ms += 1
        self.now_ms += wait_ms
        assert self.run_script("remove") == "removed"
        assert self.client.keys("{room:*") == []
        self.begin({**DEFAULTS, "max_active": 3, "lanes": _declaration(lanes)})
        chosen = dict(self.room.settings)
        self.judge = self.judge.made_anew(chosen, self.now_ms, self.room.generation)
        self.compare()
        self.ask(self.tokens[-8:])
        self.join([(visitor, "") for visitor in VISITORS])
        self.ask(self.tokens[-24:])

    # How it is compared -----------------------------------------------------------------------

    def configure(
        self, changes: dict[str, Any], expected: str = "*", *, reset: bool = False
    ) -> None:
        changes = dict(changes)
        if "opens_in_ms" in changes:
            opens_in = changes.pop("opens_in_ms")
            changes["opens_at_ms"] = "" if opens_in is None else self.now_ms + opens_in
        before = self.dump()
        args = [expected, int(reset), len(changes), *_flat(changes), *_flat(DEFAULTS)]
        outcome = tuple(self.run_script("configure", *args))
        assert outcome == self.room.configure(self.now_ms, expected, changes, reset=reset)
        if outcome[0] in ("conflict", "lane_busy"):
            assert self.dump() == before  # O5
            return
        self.compare(changes, reset=reset)

    def admit(self, limit: int, by_hand: int | None = None) -> bool:
        """One round; whether work is left."""
        answer = self.run_script("admit", limit, "" if by_hand is None else by_hand)
        assert tuple(answer) == self.room.admit(self.now_ms, limit, by_hand)
        admitted, ended, outage_ms, more, _ = answer
        self.judge.now_ms = max(self.judge.now_ms, self.now_ms)
        self.judge.ticked(outage_ms)
        self.judge.by_hand = by_hand is not None
        written = [entry["s"] for entry in self.compare()]
        self.judge.by_hand = False
        assert (written.count("ACTIVE"), written.count("EXPIRED")) == (admitted, ended)
        assert admitted <= limit
        assert ended <= 5 * limit
        return bool(more)

    def tick(self, limit: int) -> None:
        """What the loop does each time: rounds until nothing is left undone."""
        rounds = 1
        while self.admit(limit):
            rounds += 1
            assert rounds < 100
        self.judge.served()

    def dump(self) -> list[bytes | None]:
        pipe = self.client.pipeline(transaction=False)
        for key in KEYS:
            pipe.dump(key)
        return pipe.execute()

    def compare(
        self, changes: dict[str, Any] | None = None, *, reset: bool = False
    ) -> list[dict[str, str]]:
        """Model, judge and store after a call; returns what it wrote to the journal."""
        kept = Kept(self.client, self.scripts["view"], self.now_ms)
        room, entries = self.room, kept.entries
        assert entries == room.journal
        room.journal.clear()
        kept.agree(room)
        self.judge.now_ms = room.clock_ms
        for entry in entries:
            self.judge.wrote(entry)
        if changes is not None:
            self.judge.configured(changes, int(kept.settings["generation"]), reset=reset)
        at_ms = max(self.now_ms, room.clock_ms)
        assert kept.view[:3] == [at_ms, len(self.judge.active), room.counts()]
        return entries


def _declaration(lanes: list[tuple[str, int]]) -> str:
    return ",".join(f"{name}:{weight}" for name, weight in lanes)


def _flat(fields: Any) -> list[Any]:
    pairs = fields.items() if isinstance(fields, dict) else fields
    return [part for pair in pairs for part in pair]


def _numbers(seats: Seats) -> tuple[int, int, int]:
    return seats.available, seats.reserved, seats.sold


def _without_poll(row: list[Any], at: int) -> tuple[Any, ...]:
    return tuple(row[:at] + row[at + 1 :])
