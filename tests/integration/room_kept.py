"""What a store keeps of a room, and that it is what the model says."""

from collections import Counter
from dataclasses import replace
from fractions import Fraction

from redis import Redis
from redis.commands.core import Script

from shared.places import LINES, ROOM_KEYS, room_keys
from tests.model.place import ended_id
from tests.model.room import Room

KEYS = room_keys("spring-tour", *ROOM_KEYS)
NAMED = dict(zip(ROOM_KEYS, KEYS, strict=True))


class Kept:
    """All of a room's keys at one moment; reading them empties the journal."""

    def __init__(self, client: "Redis", view: "Script", now_ms: int) -> None:
        pipe = client.pipeline(transaction=False)
        pipe.xrange(NAMED["journal"])
        pipe.xtrim(NAMED["journal"], maxlen=0, approximate=False)
        for name in ("seen", "active", "claims", "ended", *LINES):
            pipe.zrange(NAMED[name], 0, -1, withscores=True)
        for name in ("holders", "reasons", "pace", "settings"):
            pipe.hgetall(NAMED[name])
        pipe.smembers(NAMED["called"])
        view(keys=KEYS, args=[now_ms, 1], client=pipe)
        *told, called, self.view = pipe.execute()
        stream, _, *scored, holders, reasons, pace, fields = told
        self.called: set[str] = set(called)
        self.entries: list[dict[str, str]] = [entry for _, entry in stream]
        self.seen, self.active, self.claims, self.ended, *self.lines = map(dict, scored)
        self.holders: dict[str, str] = holders
        self.reasons: dict[str, str] = reasons
        self.pace: dict[str, str] = pace
        self.settings: dict[str, str] = fields

    def agree(self, room: Room) -> None:
        """Store and model keep the same."""
        self._places_agree(room)
        self._settings_agree(room)
        self._figures_agree(room)
        self._sale_agrees(room)

    def _places_agree(self, room: Room) -> None:
        shift = int(self.settings["shift_ms"])
        lines: list[dict[str, int]] = [{} for _ in LINES]
        for place in room.waiting:
            lines[place.slot][place.visitor] = place.number
        assert self.lines == lines
        seen = {visitor: int(score) for visitor, score in self.seen.items()}
        assert seen == {p.visitor: p.seen_ms for p in room.waiting}
        assert self.active == {p.visitor: (p.expires_ms or 0) - shift for p in room.active}
        assert self.claims == {
            p.visitor: p.claim_ms - shift - (0.5 if p.by_hand else 0)
            for p in room.active
            if p.claim_ms is not None
        }
        assert self.holders == {p.visitor: str(p.number) for p in room.active}
        assert self.reasons == {ended_id(one): reason for one, (_, reason) in room.ended.items()}
        assert self.ended == {ended_id(one): at for one, (at, _) in room.ended.items()}
        assert self.called == {str(number) for number in room.by_seat.called}

    def _settings_agree(self, room: Room) -> None:
        fields = self.settings
        assert int(fields["clock_ms"]) == room.clock_ms
        assert int(fields["version"]) == room.version
        assert int(fields["generation"]) == room.generation
        assert int(fields["last_number"]) == room.last_number
        assert int(fields["serving_number"]) == room.serving_number
        declared = {**room.settings, "lanes": ""}
        if room.settings["lanes"]:
            lanes = [f"{lane.name}:{lane.weight}:{lane.slot}" for lane in room.lanes]
            declared["lanes"] = ",".join(lanes)
        assert {k: str(v) for k, v in declared.items()}.items() <= fields.items()

    def _sale_agrees(self, room: Room) -> None:
        assert self.settings.get("sale_phase", "") == room.by_seat.phase
        assert self.settings.get("closed_reason", "") == room.closed_reason
        seats, kept = room.by_seat.seats, self.settings.get("seats")
        assert kept == (
            None
            if seats is None
            else f"{seats.at_ms}:{seats.version}:{seats.available}:{seats.reserved}:{seats.sold}"
        )

    def _figures_agree(self, room: Room) -> None:
        told = {k.removeprefix("counted_"): v for k, v in self.settings.items()}
        counted = {k: int(v) for k, v in told.items() if f"counted_{k}" in self.settings}
        counted.pop("from", None)
        assert Counter(counted) == room.counted
        assert {k: int(v) for k, v in self.pace.items()} == room.pace
        # Both buckets, filled up to now.
        rate = replace(room.rate)
        rate.level, rate.returnable = (
            Fraction(int(self.settings[name]), 60_000) for name in ("level", "returnable")
        )
        rate.at_ms = int(self.settings["level_at_ms"])
        rate.settle(room.clock_ms)
        room.rate.settle(room.clock_ms)
        assert (rate.level, rate.returnable) == (room.rate.level, room.rate.returnable)
