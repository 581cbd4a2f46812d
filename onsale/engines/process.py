"""Child processes that neither outlive their parent nor hear the terminal's Ctrl-C."""

import asyncio
import contextlib
import ctypes
import os
import signal
import socket
import subprocess
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from onsale.engines.account import Account

LOG_LIMIT_BYTES = 5 * 1024 * 1024
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)

#: A signal to send, and how long to wait for the end before the next one, seconds.
Step = tuple[signal.Signals, float]


class EngineFailed(Exception):
    """An engine cannot start or has ended; the message is one line for a person."""


class Child:
    """A running child in a session of its own, its output in a log.

    Its own session keeps the terminal's Ctrl-C away, so that the parent decides the order in which
    things stop; the kernel's parent-death signal ends it when the parent is killed outright.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str],
        last_signal: signal.Signals,
        folder: Path | None = None,
        account: Account | None = None,
        sockets: Sequence[int] = (),
    ) -> None:
        """Start `command`; `last_signal` is what it gets if this process dies.

        To be called from the main thread: the kernel means the thread that forked when it says
        parent. Raises OSError when it cannot be started.
        """
        self.log = log
        with open_log(log) as output:
            self._log_start = output.tell()
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=sockets,
                start_new_session=True,
                preexec_fn=_dies_with(os.getpid(), last_signal),  # noqa: PLW1509
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
                umask=0o077,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def exit_code(self) -> int | None:
        """None while it runs; negative for a signal, as in subprocess."""
        return self._process.poll()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens to a child that has ended."""
        self._process.send_signal(number)

    async def ended(self, patience_s: float) -> bool:
        """Wait for the end; False when it still runs after `patience_s`."""
        return await until(lambda: self.exit_code() is not None, patience_s)

    async def stop(self, *steps: Step) -> None:
        """Send each signal in turn until the child has ended; repeatable."""
        for number, patience_s in steps:
            self.signal(number)
            if await self.ended(patience_s):
                return

    def last_words(self) -> str:
        """The last line this child wrote for a person, or '' when there is none."""
        with contextlib.suppress(OSError), self.log.open("rb") as log:
            log.seek(max(self._log_start, self.log.stat().st_size - 65536))
            lines = log.read().decode("utf-8", "replace").splitlines()
            return next((text for line in reversed(lines) if (text := line.strip())), "")
        return ""


def _dies_with(parent: int, number: signal.Signals) -> Callable[[], None]:
    """Runs in the child between fork and exec, after the change of user (which would undo it)."""

    def prepare() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:  # the parent died before the kernel knew
            os._exit(1)

    return prepare


async def until(condition: Callable[[], bool], patience_s: float, every_s: float = 0.02) -> bool:
    """Wait for a condition; its last value when `patience_s` is over."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience_s
    while not condition():
        if loop.time() >= deadline:
            return False
        await asyncio.sleep(every_s)
    return True


async def until_answer(
    probe: Callable[[], Awaitable[bool]], child: Child, patience_s: float
) -> bool:
    """Ask `probe` until it says yes; False when the child ended or `patience_s` is over."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience_s
    while child.exit_code() is None and loop.time() < deadline:
        if await probe():
            return True
        await asyncio.sleep(0.02)
    return False


async def together(*works: Awaitable[None]) -> None:
    """Run coroutines at once; the first failure ends the others before it is raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def open_log(path: Path) -> BinaryIO:
    """A log of mode 600 to append to; a long one is set aside first, so that logs stay bounded."""
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size > LOG_LIMIT_BYTES:
            path.replace(path.with_suffix(".log.old"))
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")


def free_port() -> int:
    """A port that was free on 127.0.0.1 a moment ago; who uses it must cope with losing it."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def leftovers(program: str, folder: Path) -> list[int]:
    """Processes of `program` working in `folder`: what an earlier, killed parent left running.

    Both engines make their data folder their working directory, which says whose they are without
    trusting a pid file; the program's name leaves a person's shell in that folder alone.
    """
    where = str(folder.resolve())
    return [
        pid
        for pid, entry in _processes()
        if _link(entry / "cwd") == where and Path(_command(entry)).name.startswith(program)
    ]


def with_environment(entry: str) -> list[int]:
    """Processes whose environment holds `entry` (as in NAME=value)."""
    wanted = entry.encode()
    found = []
    for pid, path in _processes():
        with contextlib.suppress(OSError):
            if wanted in (path / "environ").read_bytes().split(b"\0"):
                found.append(pid)
    return found


async def end_all(find: Callable[[], list[int]], *steps: Step) -> bool:
    """Signal what `find` finds until it finds nothing; False when something stayed."""
    for number, patience_s in steps:
        found = find()
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
        if not found or await until(lambda: not find(), patience_s, every_s=0.1):
            return True
    return False


def _processes() -> Iterator[tuple[int, Path]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            yield int(entry.name), entry


def _link(path: Path) -> str | None:
    try:
        return str(path.readlink())
    except OSError:
        return None


def _command(entry: Path) -> str:
    try:
        return (entry / "cmdline").read_bytes().split(b"\0")[0].decode("utf-8", "replace")
    except OSError:
        return ""
