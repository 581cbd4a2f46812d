"""The oracle: judges a sale by nothing but what its clients saw.

It knows what clients were answered, and when they asked; the public state of the room; and the
rules the operator set. An answer was true at some moment between request and answer, so each rule
is judged by what that proves: what the oracle calls broken is broken, however slow the machine is,
and what it lets pass may still be wrong (`onsale verify` asks the stores).
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any

from onsale.rush.record import Receipt
from onsale.rush.sightings import ACTIVE, EXPIRED, WAIT, Sighting
from onsale.rush.windows import busiest, overtaken, peak
from onsale.verify.check import Finding, Report

#: Scripts see the store's clock in whole milliseconds, at both ends of a window.
CLOCK_STEP_S = 0.002
#: Ends of a token that only an admitted one has.
ENDS_OF_ADMITTED = frozenset({"timed_out", "unclaimed"})
ROWS_KEPT = 20


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator set. `version`: of the settings, which a change makes another."""

    max_active: int
    admit_per_minute: int
    version: int

    @property
    def per_s(self) -> float:
        return self.admit_per_minute / 60

    def most_admitted(self, window_s: float) -> float:
        """The bound of A2: rate x W + burst."""
        return self.per_s * (window_s + CLOCK_STEP_S) + max(1.0, self.per_s)


@dataclass(slots=True)
class Place:
    """All that was seen of one token. Moments are those of requests sent and answers received."""

    visitor: int
    joined_at: float = inf  # the first join that named it was sent: made after this
    known_at: float = inf  # the first answer that named it: made before this
    made: int = 0  # answers that said: new
    waiting_at: float = -inf  # the last request that found it WAIT was sent: WAIT later than this
    admitted_by: float = inf
    active_at: float = -inf  # the last request that found it ACTIVE was sent
    ended_by: float = inf
    positions: list[tuple[float, int]] = field(default_factory=list)  # received, least so far

    @property
    def alive_at(self) -> float:
        """It lived after this moment."""
        return max(self.waiting_at, self.active_at)

    @property
    def admitted_after(self) -> float:
        """Its admission, if there was one, came after this moment."""
        return max(self.joined_at, self.waiting_at) if self.joined_at < inf else self.waiting_at

    def position_before(self, moment: float) -> int | None:
        """The least position answered before this moment."""
        index = bisect_right(self.positions, (moment, inf))
        return self.positions[index - 1][1] if index else None


Key = tuple[int, int]  # generation, number
Turn = Callable[[Place], tuple[float, float]]  # not before, by


class Oracle:
    """Takes in what was seen, in any order between clients; can be asked at any time."""

    def __init__(self, rules: Rules | None) -> None:
        """`rules`: None when they changed on the way, so that A1 and A2 cannot be judged."""
        self.rules = rules
        self.sightings = 0
        self._places: dict[Key, Place] = {}
        self._rows: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        self._receipts: dict[tuple[int, str], Receipt] = {}
        self._served: dict[int, float] = {}  # a number the room called -> the answer that said so
        self._active_told: list[int] = []  # by the room's public state: at first, at most

    def see(self, sighting: Sighting) -> None:
        """One answer about one token; one client's answers in the order it received them."""
        self.sightings += 1
        place = self._place(sighting)
        place.known_at = min(place.known_at, sighting.received)
        if sighting.joined:
            place.joined_at = min(place.joined_at, sighting.sent)
        place.made += sighting.made
        if sighting.status == WAIT:
            self._see_position(place, sighting)
            place.waiting_at = max(place.waiting_at, sighting.sent)
        elif sighting.status == ACTIVE:
            place.admitted_by = min(place.admitted_by, sighting.received)
            place.active_at = max(place.active_at, sighting.sent)
        elif sighting.status == EXPIRED:
            place.ended_by = min(place.ended_by, sighting.received)
            if sighting.reason in ENDS_OF_ADMITTED:
                place.admitted_by = min(place.admitted_by, sighting.received)

    def see_room(self, received: float, state: Mapping[str, Any]) -> None:
        """The room's public state; what it tells may be a second old, but was true once."""
        self._served.setdefault(int(state["serving_number"]), received)
        active = int(state["active"])
        first, most = self._active_told or (active, active)
        self._active_told = [first, max(most, active)]
        # A cap that was lowered before has expelled nobody.
        if self.rules and active > max(self.rules.max_active, first):
            self._broken("A1", public_state_says_active=active, max_active=self.rules.max_active)

    def see_receipt(self, receipt: Receipt) -> None:
        """A payment answered with 201."""
        earlier = self._receipts.setdefault(receipt.seat, receipt)
        if earlier.payment_id != receipt.payment_id:
            self._broken(
                "B1",
                seat=receipt.seat[1],
                payments=[earlier.payment_id, receipt.payment_id],
                visitors=[earlier.visitor, receipt.visitor],
            )

    @property
    def receipts(self) -> Collection[Receipt]:
        """One for each seat."""
        return self._receipts.values()

    def judge(self, missing: Iterable[int] | None = None) -> Report:
        """All verdicts. `missing`: payments of receipts that the final data does not know."""
        places = f"{len(self._places):,} tokens in {self.sightings:,} answers"
        waited = sum(bool(place.positions) for place in self._places.values())
        seen_in = [place for place in self._places.values() if place.admitted_by < inf]
        findings = [
            self._finding(
                "O1", "a number is one visitor's, and who joins later gets a higher one",
                places, self._numbers(),
            ),
            self._finding(
                "O2", "nobody waited on behind a higher number let in before",
                f"{len(seen_in):,} seen admitted, {waited:,} seen waiting", self._order(),
            ),
            self._finding("O3", "a position never grew", f"{waited:,} seen waiting", ()),
            self._finding("O4", "one visitor had one place at a time", places, self._doubles()),
            self._finding("A6", "no status went back", places, self._returns()),
            self._cap(seen_in),
            self._rate(seen_in),
            self._finding(
                "B1", "no seat was confirmed to two clients",
                f"{len(self._receipts):,} seats with receipts", (),
            ),
        ]  # fmt: skip
        if missing is not None:
            rows = ({"payment": payment_id} for payment_id in missing)
            counted = f"{len(self._receipts):,} receipts looked up"
            words = "every 201 for a payment is in the final data"
            findings.append(self._finding("B13", words, counted, rows))
        return Report(findings)

    def _place(self, sighting: Sighting) -> Place:
        key = (sighting.generation, sighting.number)
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = Place(sighting.visitor)
        elif place.visitor != sighting.visitor:
            self._broken("O1", number=sighting.number, visitors=[place.visitor, sighting.visitor])
        return place

    def _see_position(self, place: Place, sighting: Sighting) -> None:
        position = sighting.position
        if position is None:
            return
        before = place.position_before(sighting.sent)
        if before is not None and position > before:
            self._broken("O3", number=sighting.number, position=position, before=before)
        least = min(position, place.positions[-1][1]) if place.positions else position
        place.positions.append((sighting.received, least))

    def _numbers(self) -> Iterator[dict[str, Any]]:
        for generation, facts in self._by_generation(
            lambda place: (place.joined_at if place.made else -inf, place.known_at)
        ):
            for lower, higher in overtaken(facts):
                yield {
                    "number": lower,
                    "given_after": higher,
                    "visitor": self._places[generation, lower].visitor,
                }

    def _order(self) -> Iterator[dict[str, Any]]:
        groups = dict(self._by_generation(lambda place: (place.waiting_at, place.admitted_by)))
        if len(groups) == 1:  # the public state does not say which generation it speaks of
            for facts in groups.values():
                facts += [(number, -inf, at) for number, at in self._served.items()]
        for generation, facts in groups.items():
            for lower, higher in overtaken(facts):
                waiting = self._places[generation, lower]
                yield {"number": lower, "waited_behind": higher, "visitor": waiting.visitor}

    def _doubles(self) -> Iterator[dict[str, Any]]:
        held: defaultdict[int, list[Key]] = defaultdict(list)
        for key, place in sorted(self._places.items()):
            if place.made > 1:
                yield {"number": key[1], "visitor": place.visitor, "answers_201": place.made}
            for earlier in held[place.visitor]:
                if self._places[earlier].alive_at > place.known_at:
                    numbers = [earlier[1], key[1]]
                    yield {"visitor": place.visitor, "numbers": numbers}
            held[place.visitor].append(key)

    def _returns(self) -> Iterator[dict[str, Any]]:
        for (_, number), place in self._places.items():
            if place.waiting_at > place.admitted_by:
                yield {"number": number, "visitor": place.visitor, "was": ACTIVE, "then": WAIT}
            if place.alive_at > place.ended_by:
                then = WAIT if place.waiting_at > place.ended_by else ACTIVE
                yield {"number": number, "visitor": place.visitor, "was": EXPIRED, "then": then}

    def _cap(self, seen_in: Collection[Place]) -> Finding:
        words = "never more ACTIVE at one moment than max_active"
        most, _ = peak((place.admitted_by, place.active_at) for place in seen_in)
        counted = f"{most:,} certainly ACTIVE at once"
        if self._active_told:
            counted += f", {self._active_told[1]:,} by the room's own word"
        if not self.rules:
            return self._finding("A1", words, f"{counted}; settings changed, not judged", ())
        cap = self.rules.max_active
        rows = [{"certainly_active": most, "max_active": cap}] if most > cap else []
        return self._finding("A1", words, f"{counted}; max_active {cap:,}", rows)

    def _rate(self, seen_in: Collection[Place]) -> Finding:
        words = "admissions in any window within rate x window + burst"
        if not self.rules:
            return self._finding("A2", words, "settings changed, not judged", ())
        spans = [
            (place.admitted_after, place.admitted_by)
            for place in seen_in
            if -inf < place.admitted_after < place.admitted_by
        ]
        window = busiest(spans, self.rules.per_s)
        if not window:
            return self._finding("A2", words, "no admission seen", ())
        allowed = self.rules.most_admitted(window.length_s)
        counted = (
            f"{len(spans):,} admissions dated; at worst {window.count:,} certainly"
            f" in {window.length_s:.2f} s, {allowed:,.0f} allowed"
        )
        rows = (
            [{"admitted": window.count, "window_s": round(window.length_s, 3), "allowed": allowed}]
            if window.count > allowed
            else []
        )
        return self._finding("A2", words, counted, rows)

    def _by_generation(self, turn: Turn) -> Iterator[tuple[int, list[tuple[int, float, float]]]]:
        groups: defaultdict[int, list[tuple[int, float, float]]] = defaultdict(list)
        for (generation, number), place in self._places.items():
            groups[generation].append((number, *turn(place)))
        return iter(groups.items())

    def _broken(self, name: str, **row: Any) -> None:
        if len(self._rows[name]) < ROWS_KEPT:
            self._rows[name].append(row)

    def _finding(
        self, name: str, words: str, counted: str, rows: Iterable[dict[str, Any]]
    ) -> Finding:
        found = [*self._rows[name], *rows]
        return Finding(name, words, [counted], found[:ROWS_KEPT])
