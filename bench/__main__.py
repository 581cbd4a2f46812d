"""`python -m bench [--quick] [--json FILE] [names]`: run all benchmarks, or those named."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import orjson
import uvloop
from rich.console import Console

from bench import hall, rooms, streams
from bench.report import Report

BENCHMARKS: dict[str, Callable[[bool], Awaitable[Report]]] = {
    "hall": hall.main,
    "rooms": rooms.main,
    "streams": streams.main,
}


def main(arguments: Sequence[str]) -> int:
    """1 when something costs more than it may."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="What things cost.")
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(BENCHMARKS))
    parser.add_argument("--quick", action="store_true", help="tiny: whether it runs, not figures")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    given = parser.parse_args(arguments)
    if unknown := set(given.names) - set(BENCHMARKS):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    console, reports = Console(soft_wrap=True), {}
    for name in given.names or BENCHMARKS:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
            reports[name] = loop.run(_awaited(BENCHMARKS[name](given.quick)))
        reports[name].show(console)
    if given.json:
        found = {name: report.as_dict() for name, report in reports.items()}
        given.json.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    return 0 if given.quick or all(report.kept for report in reports.values()) else 1


async def _awaited(work: Awaitable[Report]) -> Report:
    return await work


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
