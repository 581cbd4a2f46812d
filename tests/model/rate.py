"""The rate in plain Python: a bucket of admissions, and one of what no-shows may give back."""

from dataclasses import dataclass, field
from fractions import Fraction


@dataclass
class Rate:
    """Both buckets, in admissions; `per_minute` may change at any time."""

    per_minute: int
    at_ms: int
    level: Fraction = field(init=False)
    returnable: Fraction = Fraction(0)

    def __post_init__(self) -> None:
        self.level = self._burst()

    def left(self, now_ms: int) -> int:
        """Whole admissions."""
        self.settle(now_ms)
        return int(self.level)

    def take(self, now_ms: int) -> None:
        self.settle(now_ms)
        self.level -= 1
        assert self.level >= 0

    def give_back(self, now_ms: int) -> None:
        """A no-show's admission, as long as no more comes back than the rate itself gives."""
        self.settle(now_ms)
        if self.returnable >= 1:
            self.returnable -= 1
            self.level = min(self._burst(), self.level + 1)

    def change(self, per_minute: int, now_ms: int) -> None:
        """What was earned so far was earned at the old rate."""
        self.settle(now_ms)
        self.per_minute = per_minute
        self.settle(now_ms)

    def settle(self, now_ms: int) -> None:
        """Fill both up to now."""
        earned = Fraction((now_ms - self.at_ms) * self.per_minute, 60_000)
        self.level = min(self._burst(), self.level + earned)
        self.returnable = min(self._burst(), self.returnable + earned)
        self.at_ms = now_ms

    def _burst(self) -> Fraction:
        return max(Fraction(1), Fraction(self.per_minute, 60))
