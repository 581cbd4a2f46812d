"""What a judge counts over all windows of time: the rate of admissions, and the share of lanes."""

from dataclasses import dataclass, field
from fractions import Fraction

#: Rates are per minute, times in ms: everything about pace is counted in 1/60000 admission.
UNIT = 60_000


@dataclass
class Windows:
    """In any window W: admissions <= times x (rate x W + burst) (A2, A3).

    Kept as what the rate allowed until now, how many were admitted, and the least that any window
    that began so far leaves.
    """

    per_minute: int
    at_ms: int
    times: int = 1
    allowed: int = 0
    admitted: int = 0
    tightest: int = field(init=False)

    def __post_init__(self) -> None:
        self.tightest = self._burst()

    def left(self, now_ms: int) -> bool:
        """Whether every window leaves one more."""
        return self._spent(now_ms) + UNIT <= self.tightest

    def count(self, now_ms: int, admitted: int = 1) -> None:
        """Somebody was admitted; or -1, when that did not count."""
        self.begin(now_ms)
        self.admitted += admitted
        self.begin(now_ms)

    def begin(self, now_ms: int, per_minute: int | None = None) -> None:
        """A window may begin here: it leaves the burst of now, on top of what the rate allows."""
        if per_minute is not None:
            self.begin(now_ms)
            self.per_minute = per_minute
        self.allowed = self.admitted * UNIT - self._spent(now_ms)
        self.at_ms = now_ms
        self.tightest = min(self.tightest, self._spent(now_ms) + self._burst())

    def forgive(self, now_ms: int) -> None:
        """Windows that were overdrawn leave nothing, rather than less."""
        self.tightest = max(self.tightest, self._spent(now_ms))

    def _burst(self) -> int:
        return self.times * max(UNIT, self.per_minute * 1000)

    def _spent(self, now_ms: int) -> int:
        """What admissions took from the rate by now."""
        earned = self.times * (now_ms - self.at_ms) * self.per_minute
        return self.admitted * UNIT - self.allowed - earned


@dataclass
class Shares:
    """While the same lanes stay busy, each has its share, within less than two admissions.

    That is within one visitor per ten admissions from the twentieth on, and nobody starves.
    """

    weights: dict[str, int]
    busy: frozenset[str] = frozenset()
    ahead: dict[str, Fraction] = field(default_factory=dict)
    least: dict[str, Fraction] = field(default_factory=dict)
    most: dict[str, Fraction] = field(default_factory=dict)

    def see(self, busy: frozenset[str]) -> None:
        """These lanes are busy now."""
        if busy != self.busy:
            self.busy = busy
            self.ahead = dict.fromkeys(busy, Fraction(0))
            self.least, self.most = dict(self.ahead), dict(self.ahead)

    def admitted(self, lane: str) -> None:
        """The next one was taken from this lane."""
        weights = sum(self.weights[name] for name in self.busy)
        for name in self.busy:
            self.ahead[name] += (name == lane) - Fraction(self.weights[name], weights)
            self.least[name] = min(self.least[name], self.ahead[name])
            self.most[name] = max(self.most[name], self.ahead[name])
            assert self.most[name] - self.least[name] < 2
