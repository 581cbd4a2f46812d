"""Real engines for tests: one Valkey and one PostgreSQL per test process, without fsync.

They die with the process that started them, also when it is killed. What a killed run left on disk
is removed by the next one.
"""

import asyncio
import contextlib
import itertools
import os
import shutil
import signal
import tempfile
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import asyncpg
from redis.asyncio import Redis

from onsale.engines import Postgres, Valkey, postgres
from onsale.engines.process import Child, EngineFailed, until

Result = TypeVar("Result")

PASSWORD = "only-for-tests-on-127.0.0.1"
CONNECTIONS = 200
_PREFIX = "onsale-tests-"
_TEMPLATE = "template_migrated"
_numbers = itertools.count(1)


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine outside any test's loop, leaving the thread's current loop alone."""
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        return runner.run(work)


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder for engines; removed at the end, and by a later run when this one is killed."""
    base = Path(tempfile.gettempdir())
    for left in base.glob(f"{_PREFIX}*"):
        if not _alive(int(left.name.split("-")[2])):
            # Under our own name nobody else removes it at the same time.
            ours = base / f"{_PREFIX}{os.getpid()}-{left.name}"
            with contextlib.suppress(FileNotFoundError):
                _remove(left.rename(ours))
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=base))
    try:
        yield folder
    finally:
        _remove(folder)


@contextmanager
def valkey() -> Iterator[Valkey]:
    """A running Valkey of this process's own."""
    with scratch_folder() as folder:
        engine = Valkey(
            folder / "valkey", log=folder / "valkey.log", password=PASSWORD, durable=False
        )
        run(engine.start())
        try:
            yield engine
        finally:
            run(engine.stop())


def redis_installed() -> bool:
    """Whether there is a Redis besides our Valkey, as of a distribution."""
    return shutil.which("redis-server") is not None


@contextmanager
def redis_server() -> Iterator[str]:
    """The URL of a running Redis of this process's own; reached by a socket in its folder."""
    with scratch_folder() as folder:
        path = folder / "redis.sock"
        child = Child(
            ["redis-server", "--port", "0", "--unixsocket", str(path), "--save", ""],
            log=folder / "redis.log",
            folder=folder,
            environment=os.environ,
            last_signal=signal.SIGTERM,
        )
        try:
            if not run(until(path.exists, 20)):
                raise EngineFailed(f"Redis does not start: {child.last_words()}")
            yield f"unix://{path}"
        finally:
            run(child.stop((signal.SIGTERM, 5.0), (signal.SIGKILL, 1.0)))


@contextmanager
def postgresql() -> Iterator[Postgres]:
    """A running PostgreSQL of this process's own."""
    with scratch_folder() as folder:
        engine = Postgres(
            folder / "postgres",
            log=folder / "postgres.log",
            password=PASSWORD,
            connections=CONNECTIONS,
            durable=False,
        )
        run(engine.start())
        try:
            yield engine
        finally:
            run(engine.stop())


def migrated_template(engine: Postgres) -> str:
    """Make the database that each test's own is cloned from; returns its name."""
    from booking_api.migrate import migrate

    run(execute(engine.url, f"CREATE DATABASE {_TEMPLATE}"))
    migrate(_renamed(engine.url, _TEMPLATE))
    return _TEMPLATE


async def clone(engine_url: str, template: str) -> str:
    """A new database like `template`; returns its URL."""
    name = f"test_{next(_numbers)}"
    # Copying files is five times as fast as copying through the log, and there is no fsync here.
    await execute(engine_url, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    return _renamed(engine_url, name)


async def drop(engine_url: str, url: str) -> None:
    """Drop a clone, ending what is still connected to it."""
    name = urlsplit(url).path.strip("/")
    await execute(engine_url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


#: Whatever of a database a test may have changed besides its rows.
_SCHEMA = """
SELECT md5(string_agg(part, ',' ORDER BY part)) FROM (
    SELECT concat_ws(' ', relname, relkind, relnatts) FROM pg_class
    WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT concat_ws(' ', conrelid::regclass, pg_get_constraintdef(oid))
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT concat_ws(' ', proname, prosrc) FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT concat_ws(' ', setconfig) FROM pg_db_role_setting
    WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
) AS parts(part)
"""
#: Deleting a few rows takes a third of the time of truncating tables, which makes files anew.
_EMPTY = """
SET session_replication_role = replica;
DO $$ DECLARE name text; BEGIN
    PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid();
    FOR name IN SELECT tablename FROM pg_tables
                WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
        EXECUTE format('DELETE FROM %I', name);
    END LOOP;
    FOR name IN SELECT sequencename FROM pg_sequences
                WHERE schemaname = 'public' AND last_value IS NOT NULL LOOP
        EXECUTE format('ALTER SEQUENCE %I RESTART', name);
    END LOOP;
END $$
"""


class Databases:
    """Lends databases like `template`, one to a test; emptying one is quicker than cloning one."""

    def __init__(self, engine_url: str, template: str):
        self._engine_url, self._template = engine_url, template
        self._spare: list[str] = []
        self._schemas: dict[str, str] = {}

    async def lend(self) -> str:
        """The URL of one that is as if it were new."""
        if self._spare:
            return self._spare.pop()
        url = await clone(self._engine_url, self._template)
        self._schemas[url] = await self._schema(url)
        return url

    async def take_back(self, url: str) -> None:
        """Keep it for the next test, unless more than its rows was changed."""
        try:
            intact = await self._schema(url) == self._schemas[url]
            if intact:
                await execute(url, _EMPTY)
        except (asyncpg.PostgresError, OSError):
            intact = False
        if intact:
            self._spare.append(url)
        else:
            await drop(self._engine_url, url)

    async def _schema(self, url: str) -> str:
        connection = await asyncpg.connect(url)
        try:
            return str(await connection.fetchval(_SCHEMA))
        finally:
            await connection.close()


def _renamed(url: str, database: str) -> str:
    return urlsplit(url)._replace(path=f"/{database}").geturl()


async def execute(url: str, statement: str) -> None:
    """Run one statement on a database."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def command(url: str, *words: str) -> None:
    """Send one command to a Redis."""
    async with Redis.from_url(url) as client:
        await client.execute_command(*words)  # type: ignore[no-untyped-call]


def _alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def _remove(folder: Path) -> None:
    postgres.remove(folder / "postgres")
    shutil.rmtree(folder, ignore_errors=True)
