"""`python -m bench [--quick] [--json FILE] [--write] [names]`: all benchmarks, or those named."""

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import orjson
import uvloop
from rich.console import Console

from bench import booking, gate, hall, load, page, queue, rooms, store, streams
from bench.load import WrongAnswers
from bench.report import Report, show_promises

BENCHMARKS: dict[str, Callable[[bool], Awaitable[Report]]] = {
    "queue": queue.main,
    "gate": gate.main,
    "booking": booking.main,
    "hall": hall.main,
    "rooms": rooms.main,
    "store": store.main,
    "streams": streams.main,
}
WIDTH = 170
#: Those that measure with wrk.
WITH_WRK = {"queue", "gate", "booking"}


def main(arguments: Sequence[str]) -> int:
    """1 when a promise is not kept, 2 when it cannot be measured, 3 for wrong answers."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="What things cost.")
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(BENCHMARKS))
    parser.add_argument("--quick", action="store_true", help="tiny: whether it runs, not figures")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument("--write", action="store_true", help="put them into docs/performance.md")
    given = parser.parse_args(arguments)
    if unknown := set(given.names) - set(BENCHMARKS):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    if given.write and given.quick:
        parser.error("what --quick finds is not worth writing down")
    names = given.names or list(BENCHMARKS)
    if WITH_WRK.intersection(names) and (refused := load.missing()):
        print(refused, file=sys.stderr)
        return 2
    ran = page.conditions()
    try:
        reports = _measured(names, given.quick)
    except WrongAnswers as error:
        print(error, file=sys.stderr)
        return 3
    if given.json:
        found = {name: report.as_dict() for name, report in reports.items()}
        given.json.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    if given.write:
        page.write({name: {**ran, **report.as_dict()} for name, report in reports.items()})
    return 0 if given.quick or all(report.kept for report in reports.values()) else 1


def _measured(names: Sequence[str], quick: bool) -> dict[str, Report]:
    """Shows each report when it is there, and all that is promised at the end."""
    console, reports = _console(), dict[str, Report]()
    for name in names:
        began = time.monotonic()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
            reports[name] = loop.run(_awaited(BENCHMARKS[name](quick)))
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        reports[name].show(console)
    show_promises(reports, console)
    return reports


def _console() -> Console:
    """As wide as the tables, where nothing says how wide it is."""
    console = Console(soft_wrap=True)
    return console if console.is_terminal else Console(soft_wrap=True, width=WIDTH)


async def _awaited(work: Awaitable[Report]) -> Report:
    return await work


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
