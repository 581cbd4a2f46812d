"""The command `onsale verify`."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from onsale.home import running_stack
from onsale.verify.check import ROWS_SHOWN, Report, verify
from shared.stores import StoreRefused


def command(
    home: Annotated[
        Path, typer.Option(envvar="ONSALE_HOME", help="Folder of the running stack.")
    ] = Path(".onsale"),
) -> None:
    """Check the invariants of the sale on live data; exit 1 if one is broken."""
    console = Console(soft_wrap=True)
    try:
        redis_url, database_url = _stores(home)
        report = asyncio.run(verify(redis_url, database_url))
    except StoreRefused as refused:
        Console(stderr=True, soft_wrap=True).print(f"onsale verify: {refused}", style="red")
        raise typer.Exit(2) from None
    show(report, console)
    if report.broken:
        raise typer.Exit(1)


def _stores(home: Path) -> tuple[str, str]:
    """Where the data is: the stack that runs in `home`, else the environment."""
    stack = running_stack(home)
    if stack is not None:
        return str(stack["redis_url"]), str(stack["database_url"])
    try:
        return os.environ["REDIS_URL"], os.environ["DATABASE_URL"]
    except KeyError:
        raise StoreRefused(
            f"no stack runs in {home}; start one with 'onsale up', name its --home, "
            "or set REDIS_URL and DATABASE_URL."
        ) from None


def show(report: Report, console: Console) -> None:
    """A line for each invariant, and the rows that break it."""
    for finding in report.findings:
        verdict = "[red]BROKEN[/]" if finding.broken else "[green]holds[/] "
        counted = escape(", ".join(finding.counted))
        line = f"{finding.name:<4} {verdict}  {escape(finding.words)}  [dim]({counted})[/]"
        console.print(line, soft_wrap=True)
        for row in finding.broken[:ROWS_SHOWN]:
            words = ", ".join(f"{name}={value}" for name, value in row.items())
            console.print(f"     [red]{escape(words)}[/]", soft_wrap=True)
        if len(finding.broken) > ROWS_SHOWN:
            console.print(f"     [red]and more; only {ROWS_SHOWN} are shown[/]", soft_wrap=True)
    broken = sum(bool(finding.broken) for finding in report.findings)
    total = len(report.findings)
    console.print(f"{broken} of {total} invariants broken" if broken else f"all {total} hold")
