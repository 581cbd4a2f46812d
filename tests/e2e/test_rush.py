"""A flash crowd on a whole stack that the rush starts for itself."""

import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_small_rush_sells_out_and_every_invariant_holds(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    # Neither stores nor a stack of the developer's own may be met by chance.
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("ONSALE_")}
    environment = {k: v for k, v in inherited.items() if k not in ("REDIS_URL", "DATABASE_URL")}
    crowd = ("--visitors", "60", "--seats", "30", "--seed", "7", "--processes", "2")
    options = (*crowd, "--json", str(report))
    done = subprocess.run(
        [sys.executable, "-m", "onsale", "rush", *options, "--home", str(tmp_path / "no-stack")],
        env=environment,
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
