"""Time in a room, in plain Python: deadlines, and what moves them."""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from tests.model.place import Place

OUTAGE_MS = 2_000
LONGEST_POLL_MS = 60_000


@dataclass
class Times:
    """Times are of the store's clock, in ms; the loop beat last at `beat_ms`."""

    settings: dict[str, Any]
    clock_ms: int
    beat_ms: int = field(init=False)
    places: dict[str, Place] = field(default_factory=dict, kw_only=True)

    @property
    def active(self) -> list[Place]:
        return [p for p in self.places.values() if p.expires_ms is not None]

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

    def _move(self, by_ms: int) -> None:
        for place in self.active:
            place.expires_ms = (place.expires_ms or 0) + by_ms
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
