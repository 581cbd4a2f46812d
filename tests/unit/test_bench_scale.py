"""The chapter about a crowd at scale."""

import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bench.scale import chapter, command, write
from onsale.__main__ import application


@pytest.fixture
def found() -> dict[str, Any]:
    return {
        "options": {
            "scale": 1_000_000,
            "seconds": 60,
            "admit": 100,
            "sample": 30_000,
            "join": "script",
            "seats": 3000,
            "processes": 1,
            "seed": 7,
        },
        "markdown": "| what | found |\n|---|---|\n| Let in | 6,000 |\n",
        "room": {"max_active": 6000},
        "oracle": [{"name": "O2", "holds": True}],
        "invariants": [{"name": "B1", "holds": True}, {"name": "B2", "holds": True}],
        "verify_s": 9.26,
        "polls": {"closed_loop_shares_of_a_core": {"gateway": 0.95, "Valkey": 0.4}},
        "faults": [],
    }


def test_the_command_is_one_that_the_command_line_takes(found: dict[str, Any]) -> None:
    _, *words = shlex.split(command(found["options"]))
    helped = CliRunner().invoke(application, [*words, "--help"])
    assert helped.exit_code == 0
    # Typer checks what it is given before it calls anything: this is the only thing wrong.
    refused = CliRunner().invoke(application, [*words, "--visitors", "1"], env={"COLUMNS": "200"})
    assert "--visitors does not go with --scale" in refused.output


def test_it_says_what_holds_and_what_was_found(found: dict[str, Any]) -> None:
    text = chapter(found)
    assert "| Let in | 6,000 |" in text
    assert "`onsale verify` checked B1, B2: all hold. It took 9.3 s." in text
    assert "`max_active` 6000" in text


def test_what_was_broken_is_not_hidden(found: dict[str, Any]) -> None:
    found["oracle"][0]["holds"] = False
    found["faults"] = ["the oracle: O2 is broken"]
    text = chapter(found)
    assert "The oracle found **O2 broken**" in text
    assert "**The rush failed**: the oracle: O2 is broken." in text


def test_a_machine_that_did_other_things_is_told(found: dict[str, Any]) -> None:
    assert "other things" not in chapter(found)
    found["polls"]["closed_loop_shares_of_a_core"]["gateway"] = 0.24
    assert "the gateway got 24% of a core" in chapter(found)


def test_the_rest_of_the_page_stays(found: dict[str, Any], tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text("before\n<!-- begin: rush -->\nyesterday\n<!-- end: rush -->\nafter\n")
    write(found, tmp_path)
    write(found, tmp_path)
    text = page.read_text()
    assert text.startswith("before\n<!-- begin: rush -->\n")
    assert text.endswith("<!-- end: rush -->\nafter\n")
    assert "yesterday" not in text
    assert text.count("| Let in |") == 1
