"""The guards of the product, and what happens when one is taken away.

A guard is a constraint, a condition in a statement or script, a lock, or a comparison in a gate.
Each has an entry in one of the tables beside this file: where it stands (its very text), the
invariant it carries, and the test that must fail without it. `make guards` takes them away one by
one, in a copy of the sources, and prints what it found.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPIED = (
    *("booking_api", "local_provider", "lua", "onsale", "queue_gateway", "shared", "tests"),
    *("deploy", "examples", "pyproject.toml"),
)
DEADLINE_S = 180


@dataclass(frozen=True, slots=True)
class Guard:
    """One guard.

    `text` stands exactly once in the file `where`; `without` is what stands there when the guard
    is taken away. `test` is a pytest node id, or several.
    """

    name: str
    where: str
    text: str
    without: str
    invariant: str
    test: str | tuple[str, ...]

    @property
    def tests(self) -> tuple[str, ...]:
        return (self.test,) if isinstance(self.test, str) else self.test


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the guard's tests did without it: `noticed` when each of them failed."""

    guard: Guard
    noticed: bool
    said: str


def taken_away(guard: Guard) -> Outcome:
    """Run the guard's tests on a copy of the sources that lacks it."""
    with tempfile.TemporaryDirectory(prefix="onsale-guard-") as folder:
        copy = Path(folder)
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, copy / name)
        take_away(guard, copy)
        try:
            return _judged(guard, _run(guard, copy))
        except subprocess.TimeoutExpired:  # on a busy machine; the others are still worth a look
            return Outcome(guard, False, f"undecided after {DEADLINE_S} s")


def take_away(guard: Guard, root: Path) -> None:
    """Write the guard's file without it. Raises ValueError when the table is out of date."""
    path = root / guard.where
    source = path.read_text(encoding="utf-8")
    if source.count(guard.text) != 1:
        raise ValueError(
            f"{guard.name}: its text stands {source.count(guard.text)} times in {guard.where}"
        )
    path.write_text(source.replace(guard.text, guard.without), encoding="utf-8")


def _run(guard: Guard, copy: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [
            sys.executable,
            *("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=line"),
            *("--timeout", str(DEADLINE_S // 2), "-o", "timeout_method=signal"),
            *guard.tests,
        ],
        cwd=copy,
        # The copy, not the checkout that is installed in editable mode.
        env={**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )


def _judged(guard: Guard, done: "subprocess.CompletedProcess[str]") -> Outcome:
    """A test that passes has not noticed; a test that cannot even run has proven nothing."""
    lines = done.stdout.strip().splitlines()
    said = lines[-1] if lines else done.stderr.strip()[-200:]
    noticed = done.returncode == 1 and " failed" in said and " error" not in said
    # With several tests, or one with parameters, each must fail in some case: pytest names them.
    failed = {line.split(" - ")[0].split("[")[0] for line in lines if line.startswith("FAILED ")}
    for test in guard.tests:
        noticed = noticed and f"FAILED {test.split('[')[0]}" in failed
    return Outcome(guard, noticed, said.strip("= "))
