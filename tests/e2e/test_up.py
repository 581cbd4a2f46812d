"""`onsale up` from outside: it starts, it is told to stop, things go wrong."""

import json
import os
import shutil
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from onsale.engines.process import leftovers, with_environment
from onsale.home import Home
from onsale.services import MARK
from tests import engines
from tests.supervisor import STOP_S, Up, home_below, up_on, wait_until

pytestmark = pytest.mark.slow

Start = Callable[..., Up]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    with home_below(tmp_path) as home:
        yield home


@pytest.fixture
def start(home: Path) -> Iterator[Start]:
    """Starts `up` on the test's home; ends all of them after the test."""
    with ExitStack() as started:

        def start(*arguments: str, at: Path = home, **environment: str) -> Up:
            return started.enter_context(up_on(at, *arguments, **environment))

        yield start


def refused(up: Up, *words: str) -> None:
    """`up` ended with one line that says what is wrong, and nothing runs."""
    assert up.ended() == 1, (up.out, up.err)
    assert len(up.err.splitlines()) == 1, up.err
    for word in words:
        assert word in up.err
    assert "Traceback" not in up.err
    assert up.processes() == []


def service_pids(up: Up, module: str) -> list[int]:
    return [
        pid
        for pid in with_environment(f"{MARK}={up.home}")
        if module.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


def get(url: str) -> int:
    with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310
        return int(response.status)


def published_key(stack: dict[str, Any]) -> str:
    """The name of the key that signs passes."""
    url = f"{stack['gateway_url']}/.well-known/jwks.json"
    with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310
        (key,) = json.load(response)["keys"]
        return str(key["kid"])


def test_ctrl_c_stops_services_before_engines_and_leaves_no_process(start: Start) -> None:
    up = start("--workers", "2")
    stack = up.ready()
    assert len(service_pids(up, "queue_gateway")) == 2
    assert len(service_pids(up, "booking_api")) == 2
    assert get(f"{stack['gateway_url']}/readyz") == get(f"{stack['booking_url']}/readyz") == 200
    assert up.err == ""

    up.interrupt()

    assert up.ended(STOP_S) == 0
    assert up.processes() == []
    assert not (up.home / "stack.json").exists()
    # PostgreSQL says so when it has to cut connections: then a service outlived it.
    assert "terminating connection" not in (up.home / "logs" / "postgres.log").read_text()


def test_sigterm_to_the_parent_alone_stops_everything(start: Start) -> None:
    up = start()
    up.ready()
    up.process.terminate()
    assert up.ended(STOP_S) == 0
    assert up.processes() == []


def test_more_signals_while_stopping_leave_no_orphans(start: Start) -> None:
    up = start()
    up.ready()
    for _ in range(5):
        up.interrupt()
    up.process.terminate()
    assert up.ended(STOP_S) == 0
    assert up.processes() == []


def test_a_signal_during_the_start_stops_what_was_started(start: Start) -> None:
    up = start()
    wait_until(lambda: bool(leftovers("valkey-server", up.home / "valkey")))
    up.interrupt()
    assert up.ended(STOP_S) == 0
    assert up.processes() == []


def test_everything_is_private_and_the_announcement_names_what_runs(start: Start) -> None:
    up = start()
    stack = up.ready()
    assert up.home.stat().st_mode & 0o777 == 0o700
    for path in (entry for entry in up.home.rglob("*") if not entry.is_symlink()):
        assert path.stat().st_mode & 0o077 == 0, path
    assert stack["pid"] == up.process.pid
    assert Path(stack["admin_key_file"]).read_text().strip()
    assert stack["gateway_url"] in up.out
    assert stack["admin_key_file"] in up.out


def test_what_up_suggests_works_when_pasted(start: Start) -> None:
    curl, bash = shutil.which("curl"), shutil.which("bash")
    if not (curl and bash):
        pytest.skip("needs curl and bash")
    up = start()
    up.ready()
    lines = [line for line in up.out.splitlines() if "curl" in line]
    assert len(lines) == 3
    done = subprocess.run(
        [bash, "-c", "\n".join(lines)], capture_output=True, text=True, check=True
    )
    identity, rest = done.stdout.split("\n", 1)
    assert identity.count(".") == 2
    decoder = json.JSONDecoder()
    joined, end = decoder.raw_decode(rest)
    room, _ = decoder.raw_decode(rest[end:].strip())
    assert joined["status"] in {"WAIT", "ACTIVE"}
    assert room["room_id"] == joined["room_id"]


def test_a_second_start_keeps_data_and_secrets_and_fresh_removes_them(start: Start) -> None:
    first = start()
    stack = first.ready()
    key = Path(stack["admin_key_file"]).read_text()
    signs = published_key(stack)
    engines.run(engines.execute(stack["database_url"], "CREATE TABLE kept ()"))
    first.interrupt()
    assert first.ended(STOP_S) == 0

    second = start()
    stack = second.ready()
    assert Path(stack["admin_key_file"]).read_text() == key
    assert published_key(stack) == signs
    engines.run(engines.execute(stack["database_url"], "SELECT FROM kept"))
    second.interrupt()
    assert second.ended(STOP_S) == 0
    data = (second.home / "postgres").resolve()

    third = start("--fresh")
    stack = third.ready()
    assert Path(stack["admin_key_file"]).read_text() != key
    assert published_key(stack) != signs
    engines.run(engines.execute(stack["database_url"], "CREATE TABLE kept ()"))
    if (third.home / "postgres").is_symlink():
        assert not data.exists()


def test_a_killed_parent_takes_everything_along_and_the_next_start_works(start: Start) -> None:
    first = start()
    first.ready()
    first.process.kill()
    second = start()  # at once: what is still ending is waited for, or ended
    second.ready()
    assert second.err == ""


def test_engines_of_a_killed_parent_are_found_and_stopped(start: Start) -> None:
    first = start()
    first.ready()
    pids = leftovers("valkey-server", first.home / "valkey")
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)  # cannot follow its parent now
    first.process.kill()
    first.process.wait()
    second = start()
    second.ready()
    assert not set(pids) & set(leftovers("valkey-server", first.home / "valkey"))


def test_a_busy_port_is_one_clear_line_and_costs_no_data(start: Start, home: Path) -> None:
    key = Home.open(home).secret("admin.key")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused(start("--fresh", "--booking-port", port), "booking API", port, "--booking-port")
    assert Home.open(home).secret("admin.key") == key


def test_a_second_up_on_the_same_home_is_one_clear_line(start: Start, home: Path) -> None:
    first = start()
    stack = first.ready()
    second = start(at=home)
    assert second.ended() == 1
    assert second.err.count("\n") == 1
    assert str(first.process.pid) in second.err
    assert get(f"{stack['gateway_url']}/readyz") == 200


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_URL", "postgresql://nobody:x@127.0.0.1:1/none"),
        ("DATABASE_URL", "what is this"),
        ("REDIS_URL", "redis://127.0.0.1:1/0"),
        ("REDIS_URL", "what is this"),
    ],
)
def test_a_wrong_url_is_one_clear_line(start: Start, variable: str, value: str) -> None:
    refused(start(**{variable: value}), variable)


def test_a_redis_that_evicts_is_refused(start: Start, redis_url: str) -> None:
    engines.run(engines.command(redis_url, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru"))
    try:
        refused(start(REDIS_URL=redis_url), "noeviction")
    finally:
        engines.run(engines.command(redis_url, "CONFIG", "SET", "maxmemory-policy", "noeviction"))


def test_engines_of_ones_own_are_used_and_left_alone(
    start: Start, redis_url: str, database_url: str
) -> None:
    up = start(REDIS_URL=redis_url, DATABASE_URL=database_url)
    stack = up.ready()
    assert (stack["redis_url"], stack["database_url"]) == (redis_url, database_url)
    assert not (up.home / "valkey").exists()
    assert not (up.home / "postgres").exists()
    up.interrupt()
    assert up.ended(STOP_S) == 0
    engines.run(engines.command(redis_url, "PING"))


@pytest.mark.parametrize("engine", ["valkey", "postgres"])
def test_an_engine_that_dies_ends_up_with_one_clear_line(start: Start, engine: str) -> None:
    up = start()
    up.ready()
    program, folder, name = {
        "valkey": ("valkey-server", up.home / "valkey", "Valkey"),
        "postgres": ("postgres", up.home / "postgres" / "data", "PostgreSQL"),
    }[engine]
    os.kill(min(leftovers(program, folder)), signal.SIGKILL)
    refused(up, name, "SIGKILL")


@pytest.mark.parametrize("module", ["queue_gateway", "booking_api"])
def test_a_service_process_that_dies_is_started_again_and_up_says_so(
    start: Start, module: str
) -> None:
    up = start()
    stack = up.ready()
    (before,) = service_pids(up, module)
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: "SIGKILL" in up.out)
    wait_until(lambda: service_pids(up, module) not in ([], [before]))
    assert sum("SIGKILL" in line for line in up.out.splitlines()) == 1
    url = stack["gateway_url" if module == "queue_gateway" else "booking_url"]
    assert get(f"{url}/readyz") == 200  # the socket stayed: who connects meanwhile waits


def test_a_service_that_refuses_to_start_ends_up_with_its_own_line(start: Start) -> None:
    refused(start(ONSALE_QUEUE_SECRET="short"), "ONSALE_QUEUE_SECRET")


def test_a_folder_that_holds_something_else_is_refused(start: Start, home: Path) -> None:
    home.mkdir()
    (home / "thesis.txt").write_text("years of work")
    refused(start("--fresh"), "holds something else")
    assert (home / "thesis.txt").read_text() == "years of work"
