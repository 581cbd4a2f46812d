"""A script's header is its contract: what it says of KEYS and ARGV is what the body uses."""

import re

import pytest

from shared.scripts import LUA, source

NAMES = sorted(path.stem for path in LUA.glob("*.lua"))


def parts(name: str) -> tuple[str, str]:
    header, body = (LUA / f"{name}.lua").read_text().split("]]", 1)
    return header, body


@pytest.mark.parametrize("name", NAMES)
def test_the_header_names_the_script_and_what_it_returns(name: str) -> None:
    header, _ = parts(name)
    assert header.startswith(f"--[[\n{name} -- ")
    assert re.search(r"^Returns ", header, re.MULTILINE)
    assert "Guarantees:" in header or "changes nothing" in header


@pytest.mark.parametrize("name", NAMES)
def test_the_header_lists_just_the_arguments_the_body_binds(name: str) -> None:
    header, body = parts(name)
    listed = {int(n) for n in re.findall(r"^ARGV\[(\d+)\+?\]", header, re.MULTILINE)}
    used = {int(n) for n in re.findall(r"ARGV\[(\d+)\]", body)}
    rest = re.search(r"^ARGV\[(\d+)\+\]", header, re.MULTILINE)
    if rest:
        assert "#ARGV" in body
        assert all(n < int(rest[1]) for n in used)
        used |= {int(rest[1])}
    assert used == listed
    assert listed == set(range(1, len(listed) + 1))


@pytest.mark.parametrize("name", NAMES)
def test_keys_are_bound_to_names_once_and_used_by_name(name: str) -> None:
    header, body = parts(name)
    assert "KEYS " in header
    assert "-- include: room" in body
    assert "KEYS" not in body
    assert source(name).count("unpack(KEYS)") == 1


@pytest.mark.parametrize("name", NAMES)
def test_every_included_fragment_is_expanded(name: str) -> None:
    assert "-- include:" not in source(name)


def test_the_readme_lists_every_script_and_every_key() -> None:
    readme = (LUA / "README.md").read_text()
    keys = re.search(r"^local (.+) = unpack\(KEYS\)$", source("admit"), re.MULTILINE)
    assert keys
    assert [k.lower() for k in keys[1].split(", ")] == re.findall(r"\{room:<id>\}:(\w+)", readme)
    assert all(f"`{name}`" in readme for name in NAMES)
