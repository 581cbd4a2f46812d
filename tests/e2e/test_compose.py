"""The command lines of docker-compose.yml and the package they run from, for real."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from onsale.engines.process import free_port
from tests.supervisor import wait_until

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SECRET = "of-the-test-and-long-enough-0123456789"


def resolved(text: str) -> str:
    """A value with compose's variables put in: a secret where one is required, else the default."""

    def value(found: re.Match[str]) -> str:
        return SECRET if found[1] == "?" else found[2]

    return re.sub(r"\$\{\w+:([?-])([^}]*)\}", value, text)


def service(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    service: dict[str, Any] = found["services"][name]
    return service


def here(command: list[str]) -> list[str]:
    """A container's command with this environment's programs."""
    programs = {"python": sys.executable, "onsale": str(Path(sys.executable).with_name("onsale"))}
    return [programs[command[0]], *command[1:]]


@contextmanager
def started(name: str, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(here(service(name)["command"]), env=environment)
    try:
        yield process
    finally:
        process.terminate()
        assert process.wait(10) == 0


@pytest.fixture
def environment(redis_url: str, database_url: str) -> dict[str, str]:
    """What compose gives its containers, the stores being those of the test."""
    given = {name: resolved(str(v)) for name, v in service("gateway")["environment"].items()}
    return {
        **given,
        "PATH": os.environ["PATH"],
        "REDIS_URL": redis_url,
        "DATABASE_URL": database_url,
        "ONSALE_HOST": "127.0.0.1",
    }


@pytest.mark.parametrize(
    ("name", "variable", "port"),
    [("gateway", "ONSALE_GATEWAY_PORT", 8080), ("booking-api", "ONSALE_BOOKING_PORT", 8081)],
)
def test_after_the_migration_a_service_starts_and_its_health_check_says_so(
    environment: dict[str, str], name: str, variable: str, port: int
) -> None:
    subprocess.run(here(service("migrate")["command"]), env=environment, check=True)
    taken = str(free_port())
    kind, *check = service(name)["healthcheck"]["test"]
    assert kind == "CMD"
    probe = [word.replace(str(port), taken) for word in here(check)]

    def healthy() -> bool:
        done = subprocess.run(probe, env=environment, stderr=subprocess.DEVNULL, check=False)
        return done.returncode == 0

    assert not healthy()
    with started(name, environment | {variable: taken}):
        wait_until(healthy)


def test_the_built_package_holds_every_file_that_the_code_reads(tmp_path: Path) -> None:
    packages = ("shared", "lua", "queue_gateway", "booking_api", "onsale")
    source = tmp_path / "source"
    source.mkdir()
    for name in packages:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "requirements.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps"),
            *("--no-build-isolation", "--wheel-dir", str(tmp_path), str(source)),
        ],
        check=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        str(path.relative_to(ROOT))
        for name in packages
        for path in (ROOT / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert wanted - held == set()
