"""A flash crowd on a whole stack that the rush starts for itself."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from onsale.engines.process import with_environment
from tests.supervisor import wait_until


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_small_rush_sells_out_and_every_invariant_holds(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    crowd = ("--visitors", "60", "--seats", "30", "--seed", "7", "--processes", "2")
    options = (*crowd, "--json", str(report))
    done = subprocess.run(
        [sys.executable, "-m", "onsale", "rush", *options, "--home", str(tmp_path / "no-stack")],
        env=of_its_own(),
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    result = orjson.loads(report.read_bytes())
    assert result["seats"]["by_status"] == {"SOLD": 30}
    assert result["seats"]["receipts"] == 30
    assert sum(result["outcomes"].values()) == 60
    assert result["invariants_hold"] is True
    assert all(verdict["holds"] for verdict in result["oracle"])
    assert {verdict["name"] for verdict in result["oracle"]} >= {
        "O1",
        "O2",
        "O3",
        "A1",
        "A2",
        "B13",
    }
    assert (result["seed"], result["options"]["processes"]) == (7, 2)
    assert result["load"]["client_processes"] == 2


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_ctrl_c_ends_a_rush_with_its_clients_and_its_stack(tmp_path: Path) -> None:
    ours = f"TMPDIR={tmp_path}"
    with (tmp_path / "said").open("w") as said:
        rush = subprocess.Popen(
            [
                *(sys.executable, "-m", "onsale", "rush", "--visitors", "200", "--processes", "2"),
                *("--home", str(tmp_path / "no-stack")),
            ],
            env=of_its_own() | {"TMPDIR": str(tmp_path)},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    try:
        wait_until(lambda: rush.poll() is not None or clients(ours) == 2)
        assert rush.poll() is None, (tmp_path / "said").read_text()
        os.killpg(rush.pid, signal.SIGINT)
        assert rush.wait(60) == 128 + signal.SIGINT
    finally:
        rush.kill()
        rush.wait()
    assert with_environment(ours) == []
    assert "stopped by SIGINT" in (tmp_path / "said").read_text()
    assert not list(tmp_path.glob("onsale-*"))


def clients(ours: str) -> int:
    """Client processes that run with this entry in their environment."""
    found = 0
    for pid in with_environment(ours):
        with contextlib.suppress(OSError):
            found += b"onsale.rush.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return found


def of_its_own() -> dict[str, str]:
    """An environment in which no store and no stack of the developer's is met by chance."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("ONSALE_") and name not in ("REDIS_URL", "DATABASE_URL")
    }
