"""How a crowd at scale is cut: who of it is real."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import Any

#: Let in each second: as many as one small machine can also serve inside.
LET_IN_PER_S, LEAST_PER_S = 100, 10
#: So many of those let in each second buy; the others look at their token and leave.
BUYERS_PER_S = 20
SEATS_A_BUYER, LEAST_SEATS, MOST_SEATS = 3, 300, 100_000
#: Those let in after the last poll of the sample was due, until the room is paused.
SPARE_S = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """Who is real of a crowd in line, by place number, and for how long.

    `front`: numbers up to it are all real, because they may be let in; behind it one of `stride`
    is, and stands for that many. Of those let in, one of `buys` buys.
    """

    visitors: int
    seconds: int
    per_s: int
    front: int
    stride: int
    buys: int

    @classmethod
    def fitting(cls, visitors: int, seconds: int, sample: int, per_s: int | None) -> "Plan":
        """The sample is spent on the front first. Raises ValueError, in words for a person."""
        per_s = per_s or min(LET_IN_PER_S, max(LEAST_PER_S, visitors // (2 * seconds)))
        front = min(visitors, per_s * (seconds + SPARE_S + 1))
        if front > sample:
            raise ValueError(
                f"--sample {sample} is too small: the {front} who may be let in within"
                f" {seconds} s at {per_s} a second are all real"
            )
        behind = visitors - front
        stride = max(1, ceil(behind / max(1, sample - front)))
        return cls(visitors, seconds, per_s, front, stride, max(1, ceil(per_s / BUYERS_PER_S)))

    def weight(self, number: int) -> int:
        """For how many the visitor with this number polls; 0 for one who does not."""
        if number <= self.front:
            return 1
        return 0 if (number - self.front) % self.stride else self.stride

    def is_buyer(self, number: int) -> bool:
        return number <= self.front and number % self.buys == 0

    def sampled(self) -> Iterator[int]:
        """The numbers of those who poll, in the order of the line."""
        yield from range(1, self.front + 1)
        yield from range(self.front + self.stride, self.visitors + 1, self.stride)

    @property
    def sample(self) -> int:
        """How many poll."""
        return self.front + (self.visitors - self.front) // self.stride

    @property
    def buyers(self) -> int:
        return self.front // self.buys

    @property
    def seats(self) -> int:
        """Enough for everybody who comes to buy."""
        return min(MOST_SEATS, max(LEAST_SEATS, SEATS_A_BUYER * self.buyers))

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "visitors": self.visitors,
            "seconds": self.seconds,
            "admitted_per_s": self.per_s,
            "real_at_the_front": self.front,
            "real_behind": self.sample - self.front,
            "each_behind_stands_for": self.stride,
            "buyers": self.buyers,
        }
