"""A rehearsal: a rush through somebody's own room, of which nothing is left."""

import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.e2e.test_rush import of_its_own
from tests.supervisor import home_below, up_on

ROOM = "autumn-tour"


class Operator:
    """Whoever holds the key of a stack."""

    def __init__(self, stack: dict[str, Any]):
        self._gateway = stack["gateway_url"]
        self._key = Path(stack["admin_key_file"]).read_text().strip()

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self._key}", "If-Match": "*"}
        sent = None if body is None else orjson.dumps(body)
        asked = urllib.request.Request(  # noqa: S310 -- this machine
            self._gateway + path,
            sent,
            headers | {"Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(asked, timeout=20) as answer:  # noqa: S310
            return orjson.loads(answer.read())


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_rehearsed_room_is_as_it_was_and_its_figures_begin_anew(tmp_path: Path) -> None:
    with home_below(tmp_path) as home, up_on(home) as up:
        operator = Operator(up.ready())
        room = f"/v1/admin/rooms/{ROOM}"
        lanes = [{"lane": "members", "weight": 3}, {"lane": "public", "weight": 1}]
        before = operator.ask(
            "PUT",
            room,
            {"opens_at": "2099-01-01T20:00:00Z", "lanes": lanes, "admit_per_minute": 3000},
        )
        crowd = ("--visitors", "60", "--seats", "30", "--home", str(home))
        rush = [sys.executable, "-m", "onsale", "rush", "--rehearse", ROOM, *crowd]

        done = subprocess.run(rush, env=of_its_own(), capture_output=True, text=True, timeout=200)

        assert done.returncode == 0, done.stdout + done.stderr
        after = operator.ask("GET", room)
        assert {**after, "version": 0} == {**before, "version": 0}
        assert after["serving_number"] == after["admitted_per_minute"] == 0
        assert operator.ask("GET", f"{room}/stats")["admitted"] == 0
        assert "all 15 hold" in done.stdout


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_room_that_somebody_is_in_is_not_rehearsed(tmp_path: Path) -> None:
    with home_below(tmp_path) as home, up_on(home) as up:
        operator = Operator(up.ready())
        room = f"/v1/admin/rooms/{ROOM}"
        before = operator.ask("PUT", room, {"identity": "anonymous"})
        operator.ask("POST", f"/v1/rooms/{ROOM}/token", {})
        rush = [sys.executable, "-m", "onsale", "rush", "--rehearse", ROOM, "--home", str(home)]

        done = subprocess.run(rush, env=of_its_own(), capture_output=True, text=True, timeout=100)

        assert done.returncode == 2
        assert "a rehearsal would end what is going on" in done.stderr
        assert operator.ask("GET", room)["version"] == before["version"]
