"""The oracle on real crowds: a line whose script was broken on purpose is found out.

The clients see HTTP answers only, from services that run a copy of the sources with a patched
script, so that what is tested is the whole way from the store to the verdict.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from tests.guards import COPIED, ROOT

RUSH_S = 200


@dataclass(frozen=True, slots=True)
class Fault:
    """A change to one script, and the rule that the oracle must find broken."""

    where: str
    text: str
    instead: str
    rule: str
    visitors: int = 150


FAULTS = {
    "the last comer first": Fault(
        "lua/admit.lua",
        "quota - admitted - 1, 'WITHSCORES'",
        "quota - admitted - 1, 'REV', 'WITHSCORES'",
        "O2",
    ),
    "no cap": Fault(
        "lua/fragments/admission.lua",
        "room.max_active - redis.call('ZCARD', ACTIVE)",
        "1000000",
        "A1",
    ),
    # Without the cap as well, which would hold back those whom the rate does not.
    "no rate": Fault(
        "lua/fragments/admission.lua",
        "return math.min(slots_left(room), math.floor(room.level / UNIT), seats_left(room, now))",
        "return 1000000",
        "A2",
        visitors=400,
    ),
}


@pytest.mark.slow
@pytest.mark.timeout(RUSH_S + 60)
@pytest.mark.parametrize("name", FAULTS)
def test_the_oracle_names_what_was_broken_on_purpose(name: str, tmp_path: Path) -> None:
    fault = FAULTS[name]
    copy = tmp_path / "copy"
    for folder in COPIED:
        if (ROOT / folder).is_dir() and folder != "tests":
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / folder, copy / folder, ignore=ignored)
    script = copy / fault.where
    source = script.read_text(encoding="utf-8")
    assert source.count(fault.text) == 1
    script.write_text(source.replace(fault.text, fault.instead), encoding="utf-8")

    code, report = rush(copy, fault.visitors, tmp_path / "report.json")
    broken = {verdict["name"] for verdict in report["oracle"] if not verdict["holds"]}
    assert fault.rule in broken
    assert code == 1
    assert any("the oracle" in words for words in report["faults"])


def rush(sources: Path, visitors: int, report: Path) -> tuple[int, dict[str, list[dict[str, str]]]]:
    """A small crowd on these sources: exit code, report."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ONSALE_")}
    done = subprocess.run(
        [
            *(sys.executable, "-m", "onsale", "rush", "--seed", "7", "--processes", "2"),
            *("--visitors", str(visitors), "--seats", "100", "--patience", "30"),
            *("--json", str(report), "--home", str(report.parent / "no-stack")),
        ],
        cwd=sources,
        # The copy, not the checkout that is installed in editable mode.
        env={**kept, "PYTHONPATH": str(sources), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=RUSH_S,
    )
    assert report.exists(), done.stdout + done.stderr
    return done.returncode, orjson.loads(report.read_bytes())
