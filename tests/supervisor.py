"""`onsale up` as a person runs it: a process group of its own, a terminal that is a file."""

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from onsale.engines import postgres
from onsale.engines.process import leftovers, with_environment
from onsale.home import running_stack
from onsale.services import MARK

PATIENCE_S = 60.0
STOP_S = 10.0

_numbers = itertools.count(1)
_OURS = ("ONSALE_", "REDIS_URL", "DATABASE_URL")


class Up:
    """A running `onsale up` on a home, its ports free ones unless the arguments say otherwise."""

    def __init__(self, home: Path, *arguments: str, **environment: str) -> None:
        self.home = home
        number = next(_numbers)
        self._out = home.with_name(f"{home.name}-{number}.out")
        self._err = home.with_name(f"{home.name}-{number}.err")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "onsale", "up", "--home", str(home)),
                    *("--gateway-port", "0", "--booking-port", "0"),
                    *arguments,
                ],
                env=kept | environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    @property
    def out(self) -> str:
        return self._out.read_text()

    @property
    def err(self) -> str:
        return self._err.read_text()

    def ready(self) -> dict[str, Any]:
        """Wait for the announced stack, and for what `up` says to its user about it."""
        wait_until(lambda: self.process.poll() is not None or "Ctrl-C" in self.out)
        stack = running_stack(self.home)
        assert stack, f"up is not ready: {self.err or self.out}"
        return stack

    def interrupt(self) -> None:
        """Ctrl-C: SIGINT to every process of the terminal's foreground group."""
        os.killpg(self.process.pid, signal.SIGINT)

    def ended(self, patience_s: float = PATIENCE_S) -> int:
        """Wait for the end; the exit code."""
        return self.process.wait(patience_s)

    def processes(self) -> list[int]:
        """Whatever this home still has running."""
        return processes(self.home)


@contextmanager
def up_on(home: Path, *arguments: str, **environment: str) -> Iterator[Up]:
    """`onsale up`, ended whatever the test did."""
    up = Up(home, *arguments, **environment)
    try:
        yield up
    finally:
        if up.process.poll() is None:  # else its number may by now be somebody else's
            with contextlib.suppress(ProcessLookupError):
                os.killpg(up.process.pid, signal.SIGTERM)
        try:
            up.ended(STOP_S)
        except subprocess.TimeoutExpired:
            up.process.kill()
            up.process.wait()


@contextmanager
def home_below(folder: Path) -> Iterator[Path]:
    """A home that does not exist yet; at the end nothing of it runs, and its data is removed."""
    home = folder / "home"
    try:
        yield home
        wait_until(lambda: not processes(home))
    finally:
        postgres.remove(home / "postgres")


def processes(home: Path) -> list[int]:
    """Services and engines that work for this home."""
    return [
        *with_environment(f"{MARK}={home}"),
        *leftovers("valkey-server", home / "valkey"),
        *leftovers("postgres", home / "postgres" / "data"),
    ]


def wait_until(condition: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    """Wait for a condition outside any event loop; fails the test when it does not come true."""
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, "what the test waits for does not happen"
        time.sleep(0.05)
