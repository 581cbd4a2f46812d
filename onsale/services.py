"""The service processes of a stack: started on one listening socket, watched, started again."""

import asyncio
import contextlib
import os
import re
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from onsale.engines.process import Child, Step, end_all, with_environment

BACKLOG = 4096
READY_S = 30.0
#: Marks the environment of our processes, so that those of a killed supervisor can be found.
MARK = "ONSALE_STACK_HOME"

#: A service finishes requests in flight for at most 5 s.
_STOP: tuple[Step, ...] = ((signal.SIGTERM, 5.3), (signal.SIGKILL, 0.3))
_BOOT_TRIES = 3
#: Exit codes with which a service says that trying again will not help.
_HOPELESS = {2, 3}
_BACKOFF_S = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
_SETTLED_S = 30.0


class ServiceFailed(Exception):
    """A service cannot start; the message is one line for a person."""


def listen(service: str, host: str, port: int, flag: str) -> socket.socket:
    """Take a port, exclusively. Raises ServiceFailed when it cannot be had.

    Listening at once is what makes it exclusive; who connects before the service is there waits.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        raise ServiceFailed(
            f"The {service} cannot listen on {host} port {port}: {reason.lower()}; "
            f"choose another with {flag}."
        ) from None


def address(listening: socket.socket) -> tuple[str, int]:
    """Where a client on this machine reaches the socket."""
    host, port = listening.getsockname()[:2]
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
    return here.get(host, host), port


def url_of(listening: socket.socket) -> str:
    """The same as a URL."""
    host, port = address(listening)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def stop_leftovers(home: Path) -> None:
    """End service processes that a killed supervisor of this home left."""
    await end_all(lambda: with_environment(f"{MARK}={home}"), *_STOP)


@dataclass(slots=True)
class _Worker:
    name: str
    log: Path
    child: Child | None = None
    started_at: float = 0.0
    start_at: float = 0.0
    failures: int = 0


class Service:
    """Some processes of one service, all accepting on one socket."""

    def __init__(
        self,
        name: str,
        module: str,
        listening: socket.socket,
        *,
        environment: Mapping[str, str],
        workers: int,
        logs: Path,
        tell: Callable[[str], None],
    ) -> None:
        self._name = name
        self._command = [sys.executable, "-m", module]
        self._socket = listening
        self._inode = os.fstat(listening.fileno()).st_ino
        self._environment = {**environment, "ONSALE_LISTEN_FD": str(listening.fileno())}
        self._workers = [
            _Worker(f"{name} {number}", logs / f"{module}-{number}.log")
            for number in range(1, workers + 1)
        ]
        self._tell = tell

    @property
    def url(self) -> str:
        return url_of(self._socket)

    @property
    def pids(self) -> list[int]:
        return [worker.child.pid for worker in self._workers if worker.child]

    def start(self) -> None:
        for worker in self._workers:
            self._start(worker)

    async def ready(self) -> None:
        """Wait until every process accepts and the service says it is ready.

        Raises ServiceFailed with the service's own last line when it cannot start.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + READY_S
        for worker in self._workers:
            while not self._accepts(worker):
                await asyncio.sleep(0.02)
                if loop.time() > deadline:
                    raise ServiceFailed(f"The {worker.name} is not ready; see {worker.log}")
        while not await self._says_ready():
            self._retry_the_dead()
            await asyncio.sleep(0.05)
            if loop.time() > deadline:
                log = self._workers[0].log
                raise ServiceFailed(f"The {self._name} is up but not ready; see {log}")
        for worker in self._workers:
            worker.failures = 0

    def tend(self) -> None:
        """Start again what has ended, later and later when it keeps ending; to be called often."""
        now = asyncio.get_running_loop().time()
        for worker in self._workers:
            if worker.child and (code := worker.child.exit_code()) is not None:
                settled = now - worker.started_at > _SETTLED_S
                worker.failures = 1 if settled else worker.failures + 1
                pause_s = _BACKOFF_S[min(worker.failures, len(_BACKOFF_S)) - 1]
                again = f"again in {pause_s:g} s" if pause_s else "again"
                self._tell(f"The {worker.name} {ending(code)}; it is started {again}.")
                worker.child, worker.start_at = None, now + pause_s
            if not worker.child and now >= worker.start_at:
                self._start(worker)

    async def stop(self) -> None:
        """Stop accepting, then every process; repeatable."""
        self._socket.close()
        children = [worker.child for worker in self._workers if worker.child]
        await asyncio.gather(*(child.stop(*_STOP) for child in children))

    def _start(self, worker: _Worker) -> None:
        worker.started_at = asyncio.get_running_loop().time()
        worker.child = Child(
            self._command,
            log=worker.log,
            environment=self._environment,
            last_signal=signal.SIGTERM,
            sockets=[self._socket.fileno()],
        )

    def _accepts(self, worker: _Worker) -> bool:
        self._retry_the_dead()
        return worker.child is not None and polls(worker.child.pid, self._inode)

    def _retry_the_dead(self) -> None:
        """During the start: try again what ended by accident. Raises ServiceFailed."""
        for worker in self._workers:
            code = worker.child.exit_code() if worker.child else None
            if worker.child and code is not None:
                worker.failures += 1
                words = worker.child.last_words()
                if code in _HOPELESS and words:
                    raise ServiceFailed(words)
                if code in _HOPELESS or worker.failures >= _BOOT_TRIES:
                    reason = words or f"it {ending(code)}"
                    raise ServiceFailed(f"The {worker.name} does not start: {reason}")
                self._start(worker)

    async def _says_ready(self) -> bool:
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(3):
                reader, writer = await asyncio.open_connection(*address(self._socket))
                try:
                    writer.write(
                        b"GET /readyz HTTP/1.1\r\nHost: onsale\r\nConnection: close\r\n\r\n"
                    )
                    return b" 200 " in await reader.readline()
                finally:
                    writer.close()
        return False


def polls(pid: int, inode: int) -> bool:
    """Whether a process waits for events of the socket with this inode.

    That is the kernel's word (proc(5), fdinfo of an epoll descriptor) that one certain process
    accepts, which no request to a port shared by several could tell.
    """
    folder = Path(f"/proc/{pid}")
    wanted = f"socket:[{inode}]"
    try:
        links = {entry.name: os.readlink(entry) for entry in (folder / "fd").iterdir()}  # noqa: PTH115
        mine = {name for name, target in links.items() if target == wanted}
        return any(
            mine.intersection(re.findall(r"tfd:\s*(\d+)", (folder / "fdinfo" / name).read_text()))
            for name, target in links.items()
            if target == "anon_inode:[eventpoll]"
        )
    except OSError:
        return False


def ending(code: int) -> str:
    """How a process ended, for a sentence."""
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"was ended by {signal.Signals(-code).name}"
    return f"ended with code {code}"
