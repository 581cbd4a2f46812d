"""`onsale verify` names exactly what is broken, and the rows, whatever breaks it."""

import asyncio
import os
import sys
from pathlib import Path

import asyncpg
import pytest
from redis.asyncio import Redis

from onsale.engines import Postgres
from onsale.verify import Finding, check, verify
from onsale.verify.check import ROWS_SHOWN, ask_database
from tests.booking_stack import BookingStack
from tests.integration.breakages import BREAKAGES, Breakage
from tests.integration.sound_sale import SoundSale, move_journal, sound_sale

INVARIANTS = ["O1", "O4", "A1", *(f"B{number}" for number in range(1, 13))]

Broken = dict[str, str]


@pytest.fixture
async def sale(booking: BookingStack, redis: Redis) -> SoundSale:
    return await sound_sale(booking, redis)


def broken(findings: list[Finding]) -> Broken:
    """The invariants that do not hold, with their rows as text."""
    return {f.name: "\n".join(map(str, f.broken)) for f in findings if f.broken}


async def verified(redis_url: str, database_url: str) -> Broken:
    return broken((await verify(redis_url, database_url)).findings)


def unexpected(breakage: Breakage, found: Broken) -> bool:
    """Whether verify named something else, or the right thing without its rows."""
    named = set(found) == {breakage.breaks, *breakage.also}
    return not named or breakage.shows not in found[breakage.breaks]


async def test_a_sound_sale_holds_and_is_counted(
    sale: SoundSale, redis_url: str, database_url: str
) -> None:
    report = await verify(redis_url, database_url)

    assert [finding.name for finding in report.findings] == INVARIANTS
    assert broken(report.findings) == {}
    assert not report.broken
    assert {finding.name: finding.counted for finding in report.findings} == {
        "O1": ["3 tokens in the journal", "2 live places"],
        "O4": ["2 live tokens in the journal", "2 live places"],
        "A1": ["2 admissions in the journal", "1 ACTIVE now"],
        "B1": ["3 live bookings"],
        "B2": ["6 seats"],
        "B3": ["2 payments"],
        "B4": ["2 CONFIRMED bookings"],
        "B5": ["1 CANCELED bookings"],
        "B6": ["2 users"],
        "B7": ["5 movements of money"],
        "B8": ["7 stored answers"],
        "B9": ["1 PENDING bookings"],
        "B10": ["2 visitors' dates"],
        "B11": ["4 bookings with a journaled token"],
        "B12": ["6 seats loaded"],
    }


def test_every_invariant_is_broken_in_some_way() -> None:
    assert {breakage.breaks for breakage in BREAKAGES} == set(INVARIANTS)
    assert all(bool(breakage.sql) != bool(breakage.redis) for breakage in BREAKAGES)
    assert all(breakage.shows for breakage in BREAKAGES)


async def test_what_is_broken_in_the_tables_is_named_with_its_rows(
    sale: SoundSale, database_url: str
) -> None:
    wrong = {}
    connection = await asyncpg.connect(database_url)
    try:
        moment = await connection.fetchval("SELECT clock_timestamp()")
        for breakage in BREAKAGES:
            if not breakage.sql:
                continue
            undone = connection.transaction()
            await undone.start()
            await connection.execute(breakage.sql)
            found = broken(list((await ask_database(connection, moment)).values()))
            await undone.rollback()
            if unexpected(breakage, found):
                wrong[breakage.breaks, breakage.name] = found
    finally:
        await connection.close()

    assert wrong == {}


async def test_what_is_broken_in_redis_is_named_with_its_places(
    sale: SoundSale, redis: Redis, redis_url: str, database_url: str
) -> None:
    wrong = {}
    sound = [str(key) for key in await redis.keys()]
    for key in sound:
        await redis.copy(key, f"sound {key}")
    for breakage in BREAKAGES:
        for command in breakage.redis:
            await redis.execute_command(*command)  # type: ignore[no-untyped-call]
        found = await verified(redis_url, database_url) if breakage.redis else None
        for key in {str(key) for key in await redis.keys("{room:*")} - set(sound):
            await redis.delete(key)
        for key in sound:
            await redis.copy(f"sound {key}", key, replace=True)
        if found is not None and unexpected(breakage, found):
            wrong[breakage.breaks, breakage.name] = found

    assert wrong == {}


async def test_a_hold_may_be_late_by_less_than_the_sweep_needs(
    sale: SoundSale, booking: BookingStack, redis_url: str, database_url: str
) -> None:
    await booking.expire(3)

    assert await verified(redis_url, database_url) == {}


async def test_a_journal_that_nobody_moves_is_named(
    sale: SoundSale,
    booking: BookingStack,
    redis: Redis,
    redis_url: str,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(check, "JOURNAL_DEADLINE_S", 0.2)
    await booking.visitor(name="dan")

    lagging = await verified(redis_url, database_url)
    await move_journal(booking, redis)

    assert set(lagging) == {"B11"}
    assert "{room:room-a}:journal" in lagging["B11"]
    assert await verified(redis_url, database_url) == {}


async def asked(redis_url: str, database_url: str, home: Path) -> tuple[int, str, str]:
    """Run the command as people do; (exit code, what it printed, what it complained about)."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("ONSALE_")}
    kept |= {"REDIS_URL": redis_url, "DATABASE_URL": database_url}
    set_ = {name: value for name, value in kept.items() if value}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "onsale", "verify", "--home", str(home)),
        env=set_,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, out.decode(), err.decode()


async def test_the_command_says_that_all_hold(
    sale: SoundSale, redis_url: str, database_url: str, tmp_path: Path
) -> None:
    code, out, err = await asked(redis_url, database_url, tmp_path)

    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert [line.split()[:2] for line in lines[:-1]] == [[name, "holds"] for name in INVARIANTS]
    assert lines[-1] == "all 15 hold"


async def test_the_command_names_what_is_broken_and_shows_twenty_rows(
    sale: SoundSale, booking: BookingStack, redis_url: str, database_url: str, tmp_path: Path
) -> None:
    await booking.pool.execute(
        "INSERT INTO users (external_id, user_name, balance)"
        " SELECT 'rich-' || n, '[red]rich[/]', 1 FROM generate_series(1, 30) n"
    )

    code, out, err = await asked(redis_url, database_url, tmp_path)

    assert (code, err) == (1, "")
    verdicts = {line.split()[0]: line.split()[1] for line in out.splitlines() if line[0] != " "}
    assert [name for name in INVARIANTS if verdicts[name] == "BROKEN"] == ["B6", "B7"]
    assert out.count("     user_id=") == 2 * ROWS_SHOWN
    assert out.count("and more; only 20 are shown") == 2
    assert out.splitlines()[-1] == "2 of 15 invariants broken"


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (("", ""), "no stack runs in"),
        (("no redis", "migrated"), "Redis at REDIS_URL does not answer"),
        (("redis", "no database"), "PostgreSQL at DATABASE_URL refuses"),
        (("redis", "empty"), "is the database migrated?"),
    ],
)
async def test_without_a_sale_the_command_says_so_in_one_line(
    redis: Redis,
    redis_url: str,
    database_url: str,
    postgresql: Postgres,
    tmp_path: Path,
    at: tuple[str, str],
    said: str,
) -> None:
    urls = {
        "redis": redis_url,
        "migrated": database_url,
        "empty": postgresql.url,
        "no redis": "redis://127.0.0.1:1/0",
        "no database": "postgresql://127.0.0.1:1/x",
        "": "",
    }
    code, out, err = await asked(urls[at[0]], urls[at[1]], tmp_path / "no-stack")

    assert (code, out) == (2, "")
    assert err.startswith("onsale verify: ")
    assert said in err
    assert err.count("\n") == 1
