"""The embedded engines: real ones, as root and as somebody else."""

import os
import pwd
import signal
import stat
import sys
import tempfile
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import asyncpg
import pytest
from redis.asyncio import Redis

from onsale.engines import EngineFailed, Postgres, Valkey, account, postgres
from onsale.engines.process import leftovers
from tests import engines

Engine = TypeVar("Engine", Valkey, Postgres)

PASSWORD = "known-to-the-test"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder of mode 700; PostgreSQL's data is removed at the end, wherever it lies."""
    folder = tmp_path / "private"
    folder.mkdir(mode=0o700)
    yield folder
    postgres.remove(folder / "postgres")


def valkey_in(folder: Path, password: str = PASSWORD) -> Valkey:
    return Valkey(folder / "valkey", log=folder / "valkey.log", password=password)


def postgres_in(folder: Path, password: str = PASSWORD) -> Postgres:
    return Postgres(folder / "postgres", log=folder / "postgres.log", password=password)


@asynccontextmanager
async def running(engine: Engine) -> AsyncIterator[Engine]:
    await engine.start()
    try:
        yield engine
    finally:
        await engine.stop()


async def ask(engine: Postgres, question: str) -> object:
    connection = await asyncpg.connect(engine.url)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def test_valkey_keeps_its_data_evicts_nothing_and_wants_a_password(folder: Path) -> None:
    async with running(valkey_in(folder)) as valkey, Redis.from_url(valkey.url) as client:
        await client.set("place", "1")
        config = await client.config_get("maxmemory-policy", "appendonly", "appendfsync", "bind")
        assert config == {
            "maxmemory-policy": "noeviction",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "bind": "127.0.0.1",
        }
        async with Redis.from_url(valkey.url.replace(PASSWORD, "wrong")) as stranger:
            with pytest.raises(Exception, match=r"(?i)auth|password"):
                await stranger.ping()
    async with running(valkey_in(folder)) as valkey, Redis.from_url(valkey.url) as client:
        assert await client.get("place") == b"1"
    assert leftovers("valkey-server", folder / "valkey") == []


async def test_postgresql_keeps_its_data_commits_to_disk_and_wants_a_password(
    folder: Path,
) -> None:
    async with running(postgres_in(folder)) as server:
        await ask(server, "CREATE TABLE seat AS SELECT 12 AS number")
        for setting, value in {
            "fsync": "on",
            "synchronous_commit": "on",
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "password_encryption": "scram-sha-256",
            "server_encoding": "UTF8",
        }.items():
            assert await ask(server, f"SHOW {setting}") == value
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(server.url.replace(PASSWORD, "wrong"))
    async with running(postgres_in(folder)) as server:
        assert await ask(server, "SELECT number FROM seat") == 12
    assert leftovers("postgres", folder / "postgres" / "data") == []


async def test_a_lost_password_is_one_clear_line(folder: Path) -> None:
    async with running(postgres_in(folder)):
        pass
    with pytest.raises(EngineFailed, match="password") as failed:
        await postgres_in(folder, "another").start()
    assert "\n" not in str(failed.value)
    assert leftovers("postgres", folder / "postgres" / "data") == []


async def test_a_crash_and_a_stale_lock_file_stop_no_start(folder: Path) -> None:
    async with running(postgres_in(folder)) as server:
        await ask(server, "CREATE TABLE seat AS SELECT 12 AS number")
        data = folder / "postgres" / "data"
        lock = (data / "postmaster.pid").read_text()
        for pid in leftovers("postgres", data):
            os.kill(pid, signal.SIGKILL)
    # The number that the crash left belongs to somebody else by now: to this test.
    (data / "postmaster.pid").write_text(lock.replace(lock.split()[0], str(os.getpid()), 1))
    async with running(postgres_in(folder)) as server:
        assert await ask(server, "SELECT number FROM seat") == 12


async def test_half_made_data_is_made_again(folder: Path) -> None:
    async with running(postgres_in(folder)):
        pass
    root = (folder / "postgres").resolve()
    (root / "data").rename(root / "data.new")
    async with running(postgres_in(folder)) as server:
        assert await ask(server, "SELECT 1") == 1


async def test_an_engine_of_a_killed_parent_is_replaced(folder: Path) -> None:
    earlier = valkey_in(folder)
    await earlier.start()
    async with running(valkey_in(folder)) as valkey, Redis.from_url(valkey.url) as client:
        assert earlier.exit_code() == 0
        await client.ping()


async def test_engines_live_in_sessions_of_their_own(folder: Path) -> None:
    async with running(valkey_in(folder)), running(postgres_in(folder)):
        pids = [
            *leftovers("valkey-server", folder / "valkey"),
            *leftovers("postgres", folder / "postgres" / "data"),
        ]
        assert len(pids) > 2
        assert os.getsid(0) not in {os.getsid(pid) for pid in pids}


def owner(path: Path) -> int:
    return path.lstat().st_uid


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")


@root_only
async def test_as_root_only_a_folder_of_its_own_changes_hands(folder: Path) -> None:
    async with running(postgres_in(folder)):
        (pid, *_) = leftovers("postgres", folder / "postgres" / "data")
        assert owner(Path(f"/proc/{pid}")) != 0
    assert (folder / "postgres").is_symlink()
    target = (folder / "postgres").resolve()
    assert owner(target) != 0
    assert owner(folder) == 0
    assert mode(target) == mode(folder) == 0o700
    assert {owner(entry) for entry in folder.iterdir()} == {0}
    postgres.remove(folder / "postgres")
    assert not target.exists()


@root_only
async def test_binaries_out_of_the_account_s_reach_are_copied_to_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account.Account, "can_run", lambda *_: False)
    for _ in range(2):
        async with running(postgres_in(folder)):
            (pid, *_) = leftovers("postgres", folder / "postgres" / "data")
            program = Path(f"/proc/{pid}/exe").readlink()
            assert program.is_relative_to((folder / "postgres").resolve())


@root_only
async def test_a_data_folder_that_was_cleaned_away_is_made_again(folder: Path) -> None:
    (folder / "postgres").symlink_to(folder / "gone")
    async with running(postgres_in(folder)) as server:
        assert await ask(server, "SELECT 1") == 1


@root_only
def test_engines_run_for_a_user_without_privileges() -> None:
    """The same start, from a child that has become `nobody`."""
    somebody = pwd.getpwnam("nobody")
    with tempfile.TemporaryDirectory(prefix="onsale-nobody-") as name:
        folder = Path(name)
        os.chown(folder, somebody.pw_uid, somebody.pw_gid)

        async def start_both() -> None:
            async with running(valkey_in(folder)), running(postgres_in(folder)) as server:
                assert await ask(server, "SELECT 1") == 1
                assert not (folder / "postgres").is_symlink()

        # Nobody runs what stands in a folder that is another's alone: that is one clear error.
        expected = 0 if within_reach(Path(sys.prefix) / "lib") else 1
        assert as_user(somebody, lambda: engines.run(start_both())) == expected


def within_reach(path: Path) -> bool:
    """Whether every user may enter the folders above `path`."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.resolve().parents)


def as_user(user: pwd.struct_passwd, work: Callable[[], None]) -> int:
    """Do `work` in a forked child that has become `user`; its exit code."""
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    code = 1
    try:
        os.setgroups([])
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
        os.chdir("/")
        work()
        code = 0
    except BaseException:  # noqa: BLE001  a child of fork must not return into pytest
        traceback.print_exc(file=sys.__stderr__)
    os._exit(code)
