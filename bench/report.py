"""Measuring variants in turns, and what came out of it: for people and as JSON."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

Measure = Callable[[], Awaitable[Mapping[str, float]]]


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing measured of several variants, a value for each round of each.

    `limit`: how many times the first variant the others may cost; None where nothing is promised.
    """

    name: str
    unit: str
    values: Mapping[str, list[float]]
    limit: float | None = None

    def ratio(self, variant: str) -> float:
        """To the first variant: the median over the rounds, each compared with its own."""
        first, *_ = self.values.values()
        return median(ours / base for ours, base in zip(self.values[variant], first, strict=True))

    @property
    def kept(self) -> bool:
        return self.limit is None or all(self.ratio(name) <= self.limit for name in self.values)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        variants = {
            name: {
                "median": round(median(values), 3),
                "min": round(min(values), 3),
                "max": round(max(values), 3),
                "ratio": round(self.ratio(name), 3),
                "rounds": [round(value, 3) for value in values],
            }
            for name, values in self.values.items()
        }
        return {"unit": self.unit, "limit": self.limit, "kept": self.kept, "variants": variants}


@dataclass(slots=True)
class Report:
    """What one benchmark found."""

    title: str
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def kept(self) -> bool:
        """Whether nothing costs more than it may."""
        return all(figure.kept for figure in self.figures)

    def show(self, console: Console) -> None:
        """A table, a line for each variant."""
        table = Table(
            title=self.title,
            title_justify="left",
            box=SIMPLE_HEAD,
            pad_edge=False,
            collapse_padding=True,
        )
        table.add_column("")
        table.add_column("variant")
        for heading in ("median", "min", "max", "ratio", "limit"):
            table.add_column(heading, justify="right")
        for figure in self.figures:
            for number, (name, values) in enumerate(figure.values.items()):
                ratio = f"{figure.ratio(name):.2f}" if number else ""
                limit = f"{figure.limit:g}" if number and figure.limit else ""
                cells = [f"{value:.2f}" for value in (median(values), min(values), max(values))]
                title = "" if number else f"{figure.name}, {figure.unit}"
                table.add_row(title, name, *cells, ratio, limit)
        console.print(table)
        for note in self.notes:
            console.print(note)
        for figure in self.figures:
            if not figure.kept:
                console.print(f"[red]{figure.name}: more than {figure.limit} times")

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        figures = {figure.name: figure.as_dict() for figure in self.figures}
        return {"title": self.title, "kept": self.kept, "figures": figures, "notes": self.notes}


async def in_turns(
    rounds: int, variants: Mapping[str, Measure]
) -> dict[str, dict[str, list[float]]]:
    """Measure each variant once in every round: {what: {variant: a value for each round}}.

    The order turns around from round to round, so that none is always the first.
    """
    found: dict[str, dict[str, list[float]]] = {}
    for number in range(rounds):
        order = list(variants.items())
        for name, measure in reversed(order) if number % 2 else order:
            for what, value in (await measure()).items():
                found.setdefault(what, {known: [] for known in variants})[name].append(value)
    return found
