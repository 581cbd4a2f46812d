"""The scripts against a room in plain Python, on every engine they run on.

Hypothesis drives one room with whatever may happen to it. After every step the answers, the
journal and what the store keeps are compared with the model, and a judge that knows only answers
and journal holds them against the invariants O1-O5 and A1-A7.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from fakeredis import FakeRedis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from redis import Redis

from queue_gateway.room_settings import DEFAULTS
from shared.places import ROOM_KEYS, room_keys
from shared.scripts import source
from tests import engines
from tests.exploration import TIMES
from tests.model.judge import Judge
from tests.model.room import Room

KEYS = room_keys("spring-tour", *ROOM_KEYS)
NAMED = dict(zip(ROOM_KEYS, KEYS, strict=True))
SCRIPTS = ("configure", "enter", "status", "admit", "finish", "view")
BEGIN_MS = 1_800_000_000_000
PLENTY = 1_000_000

Token = tuple[str, int, int]

VISITORS = ["ann", "bob", "cat", "dan", "eve", "fay", "gus", "hal", "ida", "jim", "kim", "lou"]
some_visitors = st.lists(st.sampled_from(VISITORS), min_size=1, max_size=6)
some_picks = st.lists(st.integers(0, PLENTY), min_size=1, max_size=6)
limits = st.sampled_from([1, 2, 3, 1000])
caps = st.sampled_from([0, 1, 2, 3, 3, 6])
rates = st.sampled_from([0, 30, 60, 119, 600, 600, 6000, 6000])
times = {
    "active_ttl_s": st.sampled_from([2, 10, 40]),
    "claim_ttl_s": st.sampled_from([1, 4, 12]),
    "idle_ttl_s": st.sampled_from([1, 3, 9, 300]),
}

some_changes = st.fixed_dictionaries(
    {},
    optional={
        "state": st.sampled_from(["open", "open", "paused", "draining"]),
        "opens_in_ms": st.sampled_from([None, None, -1, 1, 1500, 60_000]),
        "max_active": caps,
        "admit_per_minute": rates,
        **times,
    },
)


class RoomMachine(RuleBasedStateMachine):
    """One room on one store, its model and its judge."""

    def __init__(self, client: "Redis") -> None:
        super().__init__()
        self.client = client
        client.flushall()
        self.scripts = {name: client.register_script(source(name)) for name in SCRIPTS}
        self.now_ms = BEGIN_MS
        self.tokens: list[Token] = []

    def run_script(self, name: str, *args: Any) -> Any:
        return self.scripts[name](keys=KEYS, args=[self.now_ms, *args])

    # What happens -----------------------------------------------------------------------------

    @initialize(max_active=caps, rate=rates, chosen=st.fixed_dictionaries(times))
    def create(self, max_active: int, rate: int, chosen: dict[str, Any]) -> None:
        chosen = {**DEFAULTS, "max_active": max_active, "admit_per_minute": rate, **chosen}
        assert self.run_script("configure", "7", 0, 0, *_flat(chosen)) == ["missing", 0]
        assert self.run_script("configure", "none", 0, 0, *_flat(chosen)) == ["created", 1]
        self.room = Room(dict(chosen), self.now_ms)
        self.judge = Judge(dict(chosen), self.now_ms, self.room.generation)
        self.compare()

    @rule(visitors=some_visitors, journal_room=st.sampled_from([PLENTY] * 4 + [0, 1, 2]))
    def some_join(self, visitors: list[str], journal_room: int) -> None:
        self.join(visitors, journal_room)

    def join(self, visitors: list[str], journal_room: int) -> None:
        waiting, rows = self.run_script("enter", journal_room, *visitors)
        polls = iter([row[5] for row in rows if len(row) > 1])
        expected = self.room.enter(self.now_ms, journal_room, visitors, polls)
        assert [_without_poll(row, 5) for row in rows] == expected
        assert waiting == len(self.room.waiting)
        self.compare()
        for visitor, row in zip(visitors, rows, strict=True):
            if len(row) > 1:
                _, number, generation, status, position, poll, expires, _ = row
                if (visitor, generation, number) not in self.tokens:
                    self.tokens.append((visitor, generation, number))
                self.judge.answered(visitor, (generation, number), status, position, expires, poll)

    @rule(max_active=st.integers(1, 6), rate=st.sampled_from([60, 600, 6000]), limit=limits)
    def a_rush(self, max_active: int, rate: int, limit: int) -> None:
        """So that no sequence gets stuck in a room that admits nobody."""
        self.configure({"max_active": 0})
        self.configure({"state": "open", "opens_in_ms": None})
        self.join(VISITORS, PLENTY)
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
        waiting, rows = self.run_script("status", *[part for token in tokens for part in token])
        expected = self.room.status(self.now_ms, tokens, iter([row[2] for row in rows]))
        assert [_without_poll(row, 2) for row in rows] == expected
        assert waiting == len(self.room.waiting)
        changed = self.compare()
        assert all(entry.get("r") in ("unclaimed", "timed_out") for entry in changed)  # A7
        for (visitor, *token), row in zip(tokens, rows, strict=True):
            status, position, poll, expires, _ = row
            self.judge.answered(visitor, (token[0], token[1]), status, position, expires, poll)

    @precondition(lambda self: self.tokens)
    @rule(pick=st.integers(0, PLENTY), reason=st.sampled_from(["left", "completed", "revoked"]))
    def finish(self, pick: int, reason: str) -> None:
        latest = self.tokens if pick % 4 == 0 else self.tokens[-6:]
        token = latest[pick % len(latest)]
        before = self.dump()
        done = self.run_script("finish", *token, reason)
        assert done == self.room.finish(self.now_ms, token, reason)
        assert done or self.dump() == before  # O5
        assert len(self.compare()) == done  # A6
        assert self.run_script("finish", *token, reason) == 0

    @rule(step_ms=st.integers(1, 2000), limit=limits)
    def tick_later(self, step_ms: int, limit: int) -> None:
        self.now_ms += step_ms
        self.tick(limit)

    @rule(limit=limits)
    def one_round(self, limit: int) -> None:
        """A process of ours died in the middle of its tick, or several tick at once."""
        self.admit(limit)

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
        if outcome[0] == "conflict":
            assert self.dump() == before  # O5
            return
        self.compare(changes)

    def admit(self, limit: int) -> bool:
        """One round; whether work is left."""
        answer = tuple(self.run_script("admit", limit))
        assert answer == self.room.admit(self.now_ms, limit)
        admitted, ended, outage_ms, more = answer
        self.judge.now_ms = max(self.judge.now_ms, self.now_ms)
        self.judge.ticked(outage_ms)
        written = [entry["s"] for entry in self.compare()]
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

    def compare(self, changes: dict[str, Any] | None = None) -> list[dict[str, str]]:
        """Model, judge and store after a call; returns what it wrote to the journal."""
        pipe = self.client.pipeline(transaction=False)
        pipe.xrange(NAMED["journal"])
        pipe.xtrim(NAMED["journal"], maxlen=0, approximate=False)
        for name in ("waiting", "seen", "active", "claims"):
            pipe.zrange(NAMED[name], 0, -1, withscores=True)
        for name in ("holders", "reasons", "settings"):
            pipe.hgetall(NAMED[name])
        pipe.zrange(NAMED["ended"], 0, -1, withscores=True)
        self.scripts["view"](keys=KEYS, args=[self.now_ms], client=pipe)
        stream, _, *kept, holders, reasons, fields, ended, view = pipe.execute()
        waiting, seen, active, claims = (dict(pairs) for pairs in kept)
        entries = [entry for _, entry in stream]
        room, shift = self.room, int(fields["shift_ms"])

        assert entries == room.journal
        room.journal.clear()
        assert waiting == {p.visitor: p.number for p in room.waiting}
        assert {v: int(s) for v, s in seen.items()} == {p.visitor: p.seen_ms for p in room.waiting}
        assert active == {p.visitor: _needed(p.expires_ms) - shift for p in room.active}
        assert claims == {
            p.visitor: p.claim_ms - shift for p in room.active if p.claim_ms is not None
        }
        assert holders == {p.visitor: str(p.number) for p in room.active}
        assert reasons == {f"{g}.{n}": reason for (g, n), (_, reason) in room.ended.items()}
        assert dict(ended) == {f"{g}.{n}": at for (g, n), (at, _) in room.ended.items()}
        assert int(fields["clock_ms"]) == room.clock_ms
        assert int(fields["version"]) == room.version
        assert int(fields["generation"]) == room.generation
        assert int(fields["serving_number"]) == room.serving_number
        assert {k: str(v) for k, v in room.settings.items()}.items() <= fields.items()

        self.judge.now_ms = room.clock_ms
        for entry in entries:
            self.judge.wrote(entry)
        if changes is not None:
            self.judge.configured(changes, int(fields["generation"]))
        at_ms = max(self.now_ms, room.clock_ms)
        assert view[:3] == [at_ms, len(self.judge.waiting), len(self.judge.active)]
        return entries


def _flat(fields: dict[str, Any]) -> list[Any]:
    return [part for pair in fields.items() for part in pair]


def _without_poll(row: list[Any], at: int) -> tuple[Any, ...]:
    return tuple(row[:at] + row[at + 1 :])


def _needed(value: int | None) -> int:
    assert value is not None
    return value


# The engines ----------------------------------------------------------------------------------


@pytest.fixture(params=["valkey", "redis", "fakeredis"])
def client(request: pytest.FixtureRequest, redis_url: str) -> Iterator["Redis"]:
    if request.param == "fakeredis":
        connected: Redis = FakeRedis(decode_responses=True)
    elif request.param == "valkey":
        connected = Redis.from_url(redis_url, decode_responses=True)
    else:
        connected = Redis.from_url(request.getfixturevalue("debian_redis"), decode_responses=True)
    yield connected
    connected.close()


@pytest.fixture(scope="session")
def debian_redis() -> Iterator[str]:
    """A real Redis, where one is installed."""
    if not engines.redis_installed():
        pytest.skip("no redis-server here")
    with engines.redis_server() as url:
        yield url


def drive(client: "Redis", examples: int, steps: int) -> None:
    run_state_machine_as_test(
        lambda: RoomMachine(client),  # type: ignore[arg-type]
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            print_blob=True,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )


# A failure is made small for up to five minutes before it is told.
@pytest.mark.timeout(600)
def test_the_scripts_do_what_the_model_does(client: "Redis") -> None:
    drive(client, examples=15, steps=25)


@pytest.mark.slow
@pytest.mark.timeout(600 * TIMES)
def test_the_scripts_do_what_the_model_does_for_long(client: "Redis") -> None:
    drive(client, examples=150 * TIMES, steps=50)
