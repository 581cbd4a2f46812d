"""The hook with which CI counts a skipped test as failed."""

import subprocess
import sys
from pathlib import Path

import pytest

SKIPPING = """
import pytest

def test_passes(): pass

def test_skips(): pytest.skip("no browser")

@pytest.mark.xfail
def test_fails_as_expected(): assert False
"""


@pytest.mark.parametrize(
    ("value", "outcome"), [("1", "1 failed, 1 passed"), ("0", "1 passed, 1 skipped")]
)
def test_a_skip_fails_where_skips_are_forbidden(tmp_path: Path, value: str, outcome: str) -> None:
    (tmp_path / "test_sample.py").write_text(SKIPPING)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.no_skips", "--rootdir", str(tmp_path)],
        cwd=tmp_path,
        env={"ONSALE_NO_SKIPS": value},
        capture_output=True,
        text=True,
    )
    assert outcome in done.stdout
    assert "1 xfailed" in done.stdout
    assert ("no browser" in done.stdout) == (value == "1")
