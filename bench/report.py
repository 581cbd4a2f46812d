"""Measuring variants in turns, and what came out of it: for people and as JSON."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Self

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

Measure = Callable[[], Awaitable[Mapping[str, float]]]

#: How fast something is, where more is better; what else is measured costs.
RATE = "1/s"


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing measured of several variants, a value for each round of each.

    The first variant is the reference. `limit`: how many times of it the others may cost; `target`:
    how many times of it they must reach; None where nothing is promised. `beside`: what was
    measured along with it, as {what: {variant: a value for each round}}. `grows`: the variants are
    the same thing in several sizes, which their names begin with.
    """

    name: str
    unit: str
    values: Mapping[str, list[float]]
    limit: float | None = None
    target: float | None = None
    beside: Mapping[str, Mapping[str, list[float]]] = field(default_factory=dict)
    grows: bool = False

    @classmethod
    def rated(
        cls,
        name: str,
        found: Mapping[str, Mapping[str, list[float]]],
        variants: tuple[str, str],
        target: float | None = None,
    ) -> Self:
        """How fast one variant is against another, the reference: of what `in_turns` found."""
        chosen = {
            what: {variant: values[variant] for variant in variants}
            for what, values in found.items()
        }
        return cls(name, RATE, chosen.pop(RATE), target=target, beside=chosen)

    def ratio(self, variant: str) -> float:
        """To the first variant: the median over the rounds, each compared with its own."""
        first, *_ = self.values.values()
        return median(ours / base for ours, base in zip(self.values[variant], first, strict=True))

    @property
    def others(self) -> list[str]:
        """The variants besides the reference."""
        return list(self.values)[1:]

    @property
    def bound(self) -> str:
        """What is promised of the ratio, '' for nothing."""
        if self.target is not None:
            return f"≥ {self.target:g}"
        return "" if self.limit is None else f"≤ {self.limit:g}"

    @property
    def kept(self) -> bool:
        ratios = [self.ratio(name) for name in self.others]
        within = self.limit is None or all(ratio <= self.limit for ratio in ratios)
        reached = self.target is None or all(ratio >= self.target for ratio in ratios)
        return within and reached

    @property
    def complaint(self) -> str:
        """What to say when it is not kept."""
        if self.target is not None:
            return f"{self.name}: less than {self.target:g} times"
        return f"{self.name}: more than {self.limit} times"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        variants = {
            name: {
                "median": round(median(values), 3),
                "min": round(min(values), 3),
                "max": round(max(values), 3),
                "ratio": round(self.ratio(name), 3),
                "rounds": [round(value, 3) for value in values],
                "beside": {
                    what: round(median(found[name]), 3)
                    for what, found in self.beside.items()
                    if name in found
                },
            }
            for name, values in self.values.items()
        }
        return {
            "unit": self.unit,
            "limit": self.limit,
            "target": self.target,
            "grows": self.grows,
            "kept": self.kept,
            "variants": variants,
        }


@dataclass(slots=True)
class Report:
    """What one benchmark found."""

    title: str
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def kept(self) -> bool:
        """Whether nothing costs more than it may, and everything is as fast as it must be."""
        return all(figure.kept for figure in self.figures)

    @property
    def promised(self) -> list[Figure]:
        """Those of which something is promised."""
        return [figure for figure in self.figures if figure.bound]

    def show(self, console: Console) -> None:
        """A table, a line for each variant."""
        beside = list(dict.fromkeys(what for figure in self.figures for what in figure.beside))
        table = _table(self.title)
        table.add_column("")
        table.add_column("variant")
        for heading in ("median", "min", "max", *beside, "ratio", "promised"):
            table.add_column(heading, justify="right")
        for figure in self.figures:
            for number, (name, values) in enumerate(figure.values.items()):
                known = [figure.beside.get(what, {}).get(name) for what in beside]
                cells = [
                    *(figure_text(value) for value in (median(values), min(values), max(values))),
                    *("" if found is None else figure_text(median(found)) for found in known),
                    f"{figure.ratio(name):.2f}" if number else "",
                    figure.bound if number else "",
                ]
                title = "" if number else f"{figure.name}, {figure.unit}"
                table.add_row(title, name, *cells)
        console.print(table)
        for note in self.notes:
            console.print(note)
        for figure in self.figures:
            if not figure.kept:
                console.print(f"[red]{figure.complaint}")

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        figures = {figure.name: figure.as_dict() for figure in self.figures}
        return {"title": self.title, "kept": self.kept, "figures": figures, "notes": self.notes}


def show_promises(reports: Mapping[str, Report], console: Console) -> None:
    """One line for everything that is promised, of all benchmarks: medians, and what they make."""
    figures = [figure for report in reports.values() for figure in report.promised]
    beside = list(dict.fromkeys(what for figure in figures for what in figure.beside))
    table = _table("What is promised")
    for heading in ("", "ours", "reference"):
        table.add_column(heading)
    for heading in ("ours", "the other", *beside, "ratio", "promised", "kept"):
        table.add_column(heading, justify="right")
    for figure in figures:
        reference, *_ = figure.values
        for name in figure.others:
            known = [figure.beside.get(what, {}).get(name) for what in beside]
            table.add_row(
                f"{figure.name}, {figure.unit}",
                name,
                reference,
                figure_text(median(figure.values[name])),
                figure_text(median(figure.values[reference])),
                *("" if found is None else figure_text(median(found)) for found in known),
                f"{figure.ratio(name):.2f}",
                figure.bound,
                "yes" if figure.kept else "[red]no",
            )
    if table.row_count:
        console.print(table)


def figure_text(value: float) -> str:
    """Enough digits to compare by, and no more."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.2f}"


def _table(title: str) -> Table:
    return Table(
        title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True
    )


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
