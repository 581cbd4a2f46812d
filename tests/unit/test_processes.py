"""Child processes: found, watched, stopped, and never left behind."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from onsale.engines import process
from onsale.engines.process import Child, leftovers, open_log, until, with_environment
from onsale.services import ending, polls
from tests.supervisor import wait_until

SLEEP = ["sleep", "60"]

#: Starts a child, says its number, and waits to be killed.
PARENT = """
import signal, sys, time
from pathlib import Path
from onsale.engines.process import Child

log = Path(sys.argv[1])
child = Child(["sleep", "60"], log=log, environment={}, last_signal=signal.SIGTERM)
print(child.pid, flush=True)
time.sleep(60)
"""

#: Accepts on the inherited socket, or only holds it.
HOLDER = """
import asyncio, socket, sys

async def main():
    if sys.argv[2] == "accept":
        listening = socket.socket(fileno=int(sys.argv[1]))
        await asyncio.start_server(lambda r, w: w.close(), sock=listening)
    print("settled", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def child(log: Path, command: list[str], **environment: str) -> Child:
    given = {"PATH": os.environ["PATH"], **environment}
    return Child(command, log=log, environment=given, last_signal=signal.SIGTERM)


async def test_a_child_that_ignores_the_first_signal_gets_the_next(tmp_path: Path) -> None:
    stubborn = child(tmp_path / "log", ["sh", "-c", "trap '' TERM; echo ready; sleep 60 & wait"])
    assert await until(lambda: stubborn.last_words() == "ready", 10)
    await stubborn.stop((signal.SIGTERM, 0.1), (signal.SIGKILL, 10))
    assert stubborn.exit_code() == -signal.SIGKILL
    await stubborn.stop((signal.SIGTERM, 0.1))  # repeatable


async def test_the_last_words_are_those_of_this_start(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("from an earlier start\n")
    silent = child(log, ["true"])
    assert await silent.ended(10)
    assert silent.last_words() == ""
    talking = child(log, ["sh", "-c", "echo one; echo two >&2; echo"])
    assert await talking.ended(10)
    assert talking.last_words() == "two"


def test_a_child_dies_with_its_parent_however_that_ends(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            PARENT,
            str(tmp_path / "log"),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        assert os.getsid(pid) == pid
        parent.kill()
    wait_until(lambda: not Path(f"/proc/{pid}/exe").exists())


async def test_leftovers_are_found_by_program_and_folder_and_by_environment(
    tmp_path: Path,
) -> None:
    running = Child(
        SLEEP,
        log=tmp_path / "log",
        folder=tmp_path,
        environment={"PATH": os.environ["PATH"], "MARK": str(tmp_path)},
        last_signal=signal.SIGTERM,
    )
    try:
        assert await until(lambda: leftovers("sleep", tmp_path) == [running.pid], 10)
        assert leftovers("postgres", tmp_path) == []
        assert leftovers("sleep", tmp_path.parent) == []
        assert with_environment(f"MARK={tmp_path}") == [running.pid]
        assert with_environment(f"MARK={tmp_path.parent}") == []
    finally:
        await running.stop((signal.SIGKILL, 10))
    assert leftovers("sleep", tmp_path) == []


def test_a_long_log_is_set_aside_and_a_log_is_private(tmp_path: Path) -> None:
    log = tmp_path / "gateway.log"
    with open_log(log) as file:
        file.write(b"x" * (process.LOG_LIMIT_BYTES + 1))
    assert log.stat().st_mode & 0o777 == 0o600
    with open_log(log) as file:
        assert file.tell() == 0
    assert log.with_suffix(".log.old").stat().st_size > process.LOG_LIMIT_BYTES


async def test_who_accepts_on_a_shared_socket_is_known_for_each_process(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        inode = os.fstat(listening.fileno()).st_ino
        children = [
            Child(
                [sys.executable, "-c", HOLDER, str(listening.fileno()), what],
                log=tmp_path / what,
                environment={},
                last_signal=signal.SIGTERM,
                sockets=[listening.fileno()],
            )
            for what in ("accept", "idle")
        ]
        try:
            assert await until(lambda: all(c.last_words() == "settled" for c in children), 30)
            assert [polls(c.pid, inode) for c in children] == [True, False]
        finally:
            for running in children:
                await running.stop((signal.SIGKILL, 10))


def test_an_ending_is_said_in_words() -> None:
    assert ending(3) == "ended with code 3"
    assert ending(-9) == "was ended by SIGKILL"
