"""`make guards`: take away every guard, one by one, and print the matrix.

python -m tests.guards [words that the name, file or invariant must contain]
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

from rich.console import Console
from rich.table import Table

from tests.guards import taken_away
from tests.guards.table import GUARDS


def main() -> int:
    """1 when the removal of a guard went unnoticed."""
    words = sys.argv[1:]
    chosen = [
        guard
        for guard in GUARDS
        if all(word in f"{guard.name} {guard.where} {guard.invariant}" for word in words)
    ]
    console = Console(soft_wrap=True)
    table = Table("guard", "invariant", "where", "without it")
    unnoticed = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for outcome in pool.map(taken_away, chosen):
            guard = outcome.guard
            verdict = "[green]noticed[/]" if outcome.noticed else f"[red]unnoticed: {outcome.said}"
            console.print(f"{guard.name}: {verdict}", style=None)
            table.add_row(guard.name, guard.invariant, guard.where, verdict)
            unnoticed += not outcome.noticed
    console.print(table)
    console.print(f"{len(chosen) - unnoticed} of {len(chosen)} removals noticed")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
