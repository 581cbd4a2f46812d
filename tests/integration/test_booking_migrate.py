"""Migrations: repeatable, safe when two run at once, and clear about what they do not find."""

import asyncio

import asyncpg
import pytest

from booking_api.migrate import migrate
from onsale.engines import Postgres
from shared.stores import StoreRefused
from tests import engines


async def test_migrating_again_and_by_two_at_once_changes_nothing(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    tables = "SELECT count(*) FROM information_schema.columns WHERE table_schema = 'public'"
    before = await connection.fetchval(tables)

    await asyncio.gather(*(asyncio.to_thread(migrate, database_url) for _ in range(3)))

    assert await connection.fetchval(tables) == before
    assert await connection.fetchval("SELECT count(*) FROM alembic_version") == 1
    await connection.close()


async def test_two_at_once_migrate_an_empty_database_once(postgresql: Postgres) -> None:
    url = await engines.clone(postgresql.url, "template1")
    try:
        await asyncio.gather(*(asyncio.to_thread(migrate, url) for _ in range(3)))

        connection = await asyncpg.connect(url)
        assert await connection.fetchval("SELECT count(*) FROM alembic_version") == 1
        assert await connection.fetchval("SELECT count(*) FROM concert_seat") == 0
        await connection.close()
    finally:
        await engines.drop(postgresql.url, url)


def test_a_database_that_is_not_there_is_refused_in_one_line() -> None:
    with pytest.raises(StoreRefused, match="DATABASE_URL"):
        migrate("postgresql://nobody@127.0.0.1:1/nothing")
