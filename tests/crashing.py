"""Engines that can be killed, and come back on the same port with what their files hold."""

import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path

from onsale.engines import Postgres, Valkey
from onsale.engines.process import free_port, leftovers, until
from tests.engines import PASSWORD

#: How long a killed process may need to be gone.
GONE_S = 10.0


class KillableValkey(Valkey):
    """A Valkey that writes as durably as that of `onsale up`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            folder / "valkey", log=folder / "valkey.log", password=PASSWORD, port=free_port()
        )

    def written(self) -> int:
        """How many bytes it has written to its append-only file."""
        return self._appended().stat().st_size

    async def kill(self, keeping: int | None = None) -> None:
        """SIGKILL. `keeping`: of its file only so many bytes, as if the machine had lost power."""
        await _kill(lambda: leftovers("valkey-server", self.folder))
        if keeping is not None:
            os.truncate(self._appended(), keeping)

    def _appended(self) -> Path:
        (found,) = (self.folder / "appendonlydir").glob("*.incr.aof")
        return found


class KillablePostgres(Postgres):
    """A PostgreSQL that writes as durably as that of `onsale up`."""

    def __init__(self, folder: Path) -> None:
        self._data = folder / "postgres" / "data"
        super().__init__(
            folder / "postgres", log=folder / "postgres.log", password=PASSWORD, port=free_port()
        )

    async def kill(self) -> None:
        """SIGKILL to all of its processes."""
        await _kill(lambda: leftovers("postgres", self._data))


async def _kill(find: Callable[[], list[int]]) -> None:
    for pid in find():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert await until(lambda: not find(), GONE_S)
