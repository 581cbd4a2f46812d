"""Distributions in a few figures."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil
from typing import Any


@dataclass(frozen=True, slots=True)
class Figures:
    """A distribution in its own unit; all None without values."""

    count: int
    p50: float | None
    p95: float | None
    p99: float | None
    max: float | None

    @classmethod
    def of(cls, values: Iterable[float]) -> "Figures":
        """Percentiles by nearest rank: each is a value that occurred."""
        ordered = sorted(values)
        p50, p95, p99, most = (percentile(ordered, share) for share in (50, 95, 99, 100))
        return cls(len(ordered), p50, p95, p99, most)

    def cells(self, digits: int) -> list[str]:
        """The percentiles and the maximum for a table."""
        values = (self.p50, self.p95, self.p99, self.max)
        return ["-" if value is None else f"{value:.{digits}f}" for value in values]

    def as_dict(self) -> dict[str, Any]:
        """For JSON, rounded to a thousandth."""
        values = {"p50": self.p50, "p95": self.p95, "p99": self.p99, "max": self.max}
        rounded = {name: None if v is None else round(v, 3) for name, v in values.items()}
        return {"count": self.count, **rounded}


def percentile(ordered: list[float], share: float) -> float | None:
    """The smallest value that `share` percent of the values do not exceed; None of nothing."""
    return ordered[max(0, ceil(len(ordered) * share / 100) - 1)] if ordered else None
