"""The home of one sale: a private folder for its secrets, data and logs, used by one stack."""

import contextlib
import fcntl
import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import orjson

from onsale.engines import postgres

#: Marks a folder as ours, and is locked by the one stack that uses it.
_LOCK = "up.lock"
_STACK = "stack.json"
SECRET_BYTES = 32
_LOCK_TRIES = 5
_LOCK_PAUSE_S = 0.05


class HomeRefused(Exception):
    """The folder cannot be used; the message is one line for a person."""


@dataclass(frozen=True, slots=True)
class Home:
    """A folder of mode 700 that belongs to us."""

    path: Path

    @classmethod
    def open(cls, path: Path) -> "Home":
        """Make the folder, or take one that is ours or empty. Raises HomeRefused."""
        home = cls(Path(os.path.abspath(path)))  # noqa: PTH100  a symlink may lead to the folder
        try:
            home._claim()
        except OSError as error:
            raise HomeRefused(f"{home.path} cannot be used: {error.strerror}.") from None
        return home

    def _claim(self) -> None:
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = self.path.stat()
        if found.st_uid != os.geteuid():
            raise HomeRefused(f"{self.path} belongs to another user.")
        if not self._is_ours() and any(self.path.iterdir()):
            raise HomeRefused(f"{self.path} holds something else; name a folder of its own.")
        if stat.S_IMODE(found.st_mode) != 0o700:
            self.path.chmod(0o700)
            if stat.S_IMODE(self.path.stat().st_mode) & 0o077:
                raise HomeRefused(f"{self.path} cannot be made private (mode 700).")
        (self.path / _LOCK).touch(mode=0o600)  # from here on the folder is recognisably ours
        self.logs.mkdir(mode=0o700, exist_ok=True)

    def _is_ours(self) -> bool:
        return (self.path / _LOCK).is_file()

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    @property
    def valkey(self) -> Path:
        return self.path / "valkey"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for one stack. Raises HomeRefused while another one holds it.

        The kernel lets go of the lock with its process, so that a killed one leaves none behind.
        """
        with (self.path / _LOCK).open("a+") as lock:
            if not _lock(lock):
                raise HomeRefused(self._occupied())
            self.forget_stack()
            yield

    def _occupied(self) -> str:
        stack = running_stack(self.path)
        where = f" (process {stack['pid']}, {stack['gateway_url']})" if stack else ""
        return f"Onsale runs already in {self.path}{where}; stop it, or name another --home."

    def secret(self, name: str) -> str:
        """The secret in the file `name` (mode 600), made the first time. Raises HomeRefused."""
        path = self.path / name
        try:
            if not path.exists():
                _write_private(path, secrets.token_urlsafe(SECRET_BYTES) + "\n")
            found = path.stat()
            if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
                raise HomeRefused(f"{path} must be yours alone: chmod 600 it, or remove it.")
            text = path.read_text().strip()
        except OSError as error:
            raise HomeRefused(f"{path} cannot be used: {error.strerror}.") from None
        if not text:
            raise HomeRefused(f"{path} is empty; remove it, and a new one is made.")
        return text

    def keep(self, name: str, text: str) -> Path:
        """Write a private file, whole or not at all."""
        path = self.path / name
        _write_private(path, text)
        return path

    def announce_stack(self, stack: dict[str, Any]) -> None:
        """Say where the running stack is, for the other commands."""
        self.keep(_STACK, orjson.dumps(stack, option=orjson.OPT_INDENT_2).decode() + "\n")

    def forget_stack(self) -> None:
        (self.path / _STACK).unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove data, secrets and logs of a stopped stack; the lock, which we hold, stays."""
        postgres.remove(self.postgres)
        for entry in self.path.iterdir():
            if entry.name == _LOCK:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        self.logs.mkdir(mode=0o700)

    def remove(self) -> None:
        """Remove the folder itself with all that is in it."""
        self.clear()
        shutil.rmtree(self.path)


def running_stack(path: Path) -> dict[str, Any] | None:
    """What the stack that runs in this home announced, or None.

    A file without a holder of the lock was left by a killed process and means nothing.
    """
    try:
        with (path / _LOCK).open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                stack: dict[str, Any] = orjson.loads((path / _STACK).read_bytes())
                return stack
    except (OSError, ValueError):
        pass
    return None


def _lock(lock: IO[str]) -> bool:
    """Take the lock; a few tries, because `running_stack` holds it for a blink when it looks."""
    for _ in range(_LOCK_TRIES):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(_LOCK_PAUSE_S)
    return False


def _write_private(path: Path, text: str) -> None:
    """Write a file of mode 600, whole or not at all."""
    fresh = path.with_name(f".{path.name}.new")
    with contextlib.suppress(FileNotFoundError):
        fresh.unlink()
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
