"""The client processes of a rush: they come and go with it, and a lost one is told."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

from aiohttp.test_utils import unused_port

from onsale.rush.clients import client_processes
from onsale.rush.messages import News, Task
from tests.waiting import wait_until

# A rush that waits to be killed, beside its clients.
FORSAKEN = """
import asyncio
from tests.integration.test_rush_clients import nobody, tasks
from onsale.rush.clients import client_processes

async def main():
    async with client_processes(tasks(), nobody) as clients:
        print(*clients.pids, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


def tasks(parts: int = 2) -> list[Task]:
    """Visitors of a sale that nobody answers for: they go on asking."""
    url = f"http://127.0.0.1:{unused_port()}"
    return [
        Task(
            gateway_url=url,
            booking_url=url,
            room_id="room",
            concert_id=1,
            run_name="rush-test",
            visitors=4,
            part=part,
            parts=parts,
            patience_s=60,
            seed=7,
        )
        for part in range(parts)
    ]


def nobody(_: News) -> None:
    pass


async def gone(pids: list[int]) -> bool:
    return not any(running(pid) for pid in pids)


def running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


async def test_clients_tell_where_their_visitors_are() -> None:
    async with client_processes(tasks(), nobody) as clients:
        hearing = asyncio.create_task(clients.ready())

        async def all_are_counted() -> bool:
            return clients.stages.total() == 4 and clients.requests > 0

        await wait_until(all_are_counted)
        hearing.cancel()


async def test_no_client_is_left_when_the_rush_is_stopped() -> None:
    async with client_processes(tasks(), nobody) as clients:
        pids = clients.pids
        assert all(running(pid) for pid in pids)
    assert await gone(pids)


async def test_a_client_that_dies_is_told_and_the_others_go_on() -> None:
    async with client_processes(tasks(), nobody) as clients:
        hearing = asyncio.create_task(clients.ready())
        first, second = clients.pids
        os.kill(first, signal.SIGKILL)

        async def told() -> bool:
            return bool(clients.lost)

        await wait_until(told)
        assert "exit -9" in clients.lost[0]
        assert running(second)
        hearing.cancel()


async def test_clients_end_with_a_rush_that_is_killed(tmp_path: Path) -> None:
    rush = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", FORSAKEN),
        stdout=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},  # what a killed rush leaves behind
    )
    assert rush.stdout is not None
    pids = [int(word) for word in (await rush.stdout.readline()).split()]
    assert len(pids) == 2
    rush.kill()
    await rush.wait()
    await wait_until(lambda: gone(pids))
