"""Bringing a database's schema and functions up to date, in one transaction."""

import asyncio
import io
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from shared.stores import connected_database

HERE = Path(__file__).parent

#: Two migrations at once: the second waits, then finds nothing to do. Any constant will do.
MIGRATION_LOCK = 0x6F6E_7361_6C65_0001

#: Enough for the other migration to end; a wait longer than this is somebody's open transaction.
DEADLINE_S = 120


def migrate(database_url: str) -> None:
    """Bring the schema up to date; quiet, repeatable, safe when two run at once.

    Raises StoreRefused when the database is not there, asyncpg errors when it refuses a statement.
    """
    asyncio.run(_migrate(database_url))


async def _migrate(database_url: str) -> None:
    async with connected_database(database_url, application="onsale-migrate") as pool:
        connection: asyncpg.pool.PoolConnectionProxy
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute(
                f"SET LOCAL statement_timeout = '{DEADLINE_S}s';"
                f"SET LOCAL lock_timeout = '{DEADLINE_S}s';"
                "SET LOCAL client_min_messages = warning"
            )
            await _run(connection, f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
            await _run(connection, await asyncio.to_thread(_pending, await _current(connection)))
            for path in sorted((HERE / "functions").glob("*.sql")):
                await _run(connection, path.read_text(encoding="utf-8"))


async def _current(connection: "asyncpg.pool.PoolConnectionProxy") -> str | None:
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
        return None
    found: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    return found


def _pending(current: str | None) -> str:
    """The SQL from revision `current` (None: an empty database) to the newest."""
    rendered = io.StringIO()
    config = Config(output_buffer=rendered)
    config.set_main_option("script_location", str(HERE / "migrations"))
    config.set_main_option("path_separator", "os")
    newest = ScriptDirectory.from_config(config).get_current_head()
    if current != newest:
        command.upgrade(config, f"{current or 'base'}:{newest}", sql=True)
    return rendered.getvalue()


async def _run(connection: "asyncpg.pool.PoolConnectionProxy", sql: str) -> None:
    if sql.strip():
        await connection.execute(sql, timeout=DEADLINE_S)
