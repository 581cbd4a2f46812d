"""A rush at scale on a whole stack of its own, small."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from onsale.engines.process import with_environment
from tests.e2e.test_rehearsal import Operator
from tests.e2e.test_rush import clients, of_its_own
from tests.supervisor import home_below, up_on, wait_until

SMALL = ("--scale", "2000", "--seconds", "8", "--admit", "20", "--sample", "700", "--seed", "7")


def rush(tmp_path: Path, *words: str) -> dict[str, Any]:
    """Its report; it must have gone well."""
    report = tmp_path / "report.json"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "onsale", "rush", *SMALL, *words),
            *("--json", str(report)),
        ],
        env=of_its_own(),
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = orjson.loads(report.read_bytes())
    return found


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_crowd_by_the_script_is_polled_admitted_sold_to_and_sound(tmp_path: Path) -> None:
    found = rush(tmp_path, "--home", str(tmp_path / "no-stack"))
    assert found["joins"]["by"] == "script"
    assert found["joins"]["visitors"] == 2000
    # The sample polled for real, and stands for more than itself.
    polls = found["polls"]
    assert polls["asked_per_s"] > polls["due_for_real_per_s"] > 0
    assert polls["one_process_serves_per_s"] > 0
    assert polls["answered_late_ms"]["p50"] >= polls["sent_late_ms"]["p50"] >= 0
    assert found["requests"]["poll"]["latency_ms"]["count"] > 0
    # Those let in were real, and some of them bought.
    assert found["admissions"]["admitted"] > 20
    assert found["admissions"]["ended"]["idle"] == 0
    assert found["seats"]["by_status"]["SOLD"] == found["seats"]["receipts"] > 0
    assert found["memory"]["before"].keys() >= {"gateway", "Valkey", "PostgreSQL", "queue_table"}
    assert found["faults"] == []
    assert found["invariants_hold"] is True
    assert all(verdict["holds"] for verdict in found["oracle"])


@pytest.mark.slow
@pytest.mark.timeout(360)
def test_a_running_stack_is_joined_over_http_by_several_processes_and_left_empty(
    tmp_path: Path,
) -> None:
    with home_below(tmp_path) as home, up_on(home) as up:
        operator = Operator(up.ready())

        found = rush(tmp_path, "--join", "http", "--processes", "2", "--home", str(home))

        room = operator.ask("GET", f"/v1/admin/rooms/{found['room_id']}")
        assert (room["state"], room["waiting"], room["active"]) == ("closed", 0, 0)
    assert found["joins"]["by"] == "http"
    assert found["joins"]["visitors"] == 2000
    assert found["requests"]["join"]["statuses"]["201"] == 2000
    assert found["load"]["client_processes"] == 2
    assert found["memory"]["before"]["gateway"] > 0
    assert found["faults"] == []
    assert found["invariants_hold"] is True


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_ctrl_c_ends_it_with_its_clients_and_its_stack(tmp_path: Path) -> None:
    ours = f"TMPDIR={tmp_path}"
    said = tmp_path / "said"
    with said.open("w") as log:
        running = subprocess.Popen(
            [
                *(sys.executable, "-m", "onsale", "rush", *SMALL, "--seconds", "600"),
                *("--admit", "1", "--home", str(tmp_path / "no-stack")),
            ],
            env=of_its_own() | {"TMPDIR": str(tmp_path)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        wait_until(lambda: running.poll() is not None or clients(ours) == 1)
        assert running.poll() is None, said.read_text()
        os.killpg(running.pid, signal.SIGINT)
        assert running.wait(60) == 128 + signal.SIGINT
    finally:
        running.kill()
        running.wait()
    assert with_environment(ours) == []
    assert "stopped by SIGINT" in said.read_text()
    assert not list(tmp_path.glob("onsale-*"))
