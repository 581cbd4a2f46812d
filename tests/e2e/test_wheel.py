"""The package as others get it: a wheel, installed outside the checkout, sells a small hall out."""

import os
import subprocess
import sys
import venv
import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path

import orjson
import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
#: What the packages read at run time, by suffix.
DATA = {".lua", ".sql", ".html", ".js", ".css", ".svg", ".mako"}

#: Says where our packages come from; fails when something else of the checkout is there.
ORIGINS = """
import importlib.util
import booking_api, local_provider, lua, onsale, queue_gateway, shared
for name in ("tests", "pytest", "fakeredis"):
    assert importlib.util.find_spec(name) is None, name
ours = (booking_api, local_provider, lua, onsale, queue_gateway, shared)
print(*(p.__file__ for p in ours), sep="\\n")
"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    """Run it with an environment that knows nothing of the checkout; what it printed."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ONSALE_", "PYTHON", "PIP_"))}
    for name in ("REDIS_URL", "DATABASE_URL", "VIRTUAL_ENV"):
        kept.pop(name, None)
    done = subprocess.run(
        command, cwd=cwd, env=kept | variables, capture_output=True, text=True, timeout=400
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tracked() -> list[Path]:
    """The files of a fresh clone."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    return [Path(name) for name in listed.stdout.decode().split("\0") if (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of the tracked files, with the build backend of this environment."""
    sources, built = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("wheel")
    for name in tracked():
        (sources / name).parent.mkdir(parents=True, exist_ok=True)
        (sources / name).write_bytes((ROOT / name).read_bytes())
    offline = ("--no-build-isolation", "--no-deps", "--no-index", "--disable-pip-version-check")
    run(sys.executable, *("-m", "pip", "wheel", "."), *offline, "-w", built, cwd=sources)
    (found,) = built.iterdir()
    return found


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel and what it depends on, and nothing of ours besides.

    There is no network: the pinned dependencies, and no development tool, are linked in from the
    environment that runs this test.
    """
    home = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(home, symlinks=True, with_pip=False)
    python = home / "bin" / "python"
    site = Path(
        run(
            python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=home
        ).strip()
    )
    for found in closure("onsale"):
        link(found, site)
    pip = (sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check")
    run(*pip, "install", "--no-index", "--no-deps", "--no-compile", wheel, cwd=home)
    run(*pip, "check", cwd=home)
    return python


def closure(name: str) -> list[Distribution]:
    """What `name` needs, directly or not, here and now; without itself."""
    found: dict[str, Distribution] = {}
    wanted = [Requirement(name)]
    while wanted:
        asked = wanted.pop()
        known = found.setdefault(asked.name, distribution(asked.name))
        for text in known.requires or []:
            needed = Requirement(text)
            extras = asked.extras or {""}
            if needed.marker and not any(needed.marker.evaluate({"extra": e}) for e in extras):
                continue
            if needed.name not in found or needed.extras:
                wanted.append(needed)
    del found[name]
    return list(found.values())


def link(found: Distribution, site: Path) -> None:
    """Make a distribution importable in another environment, without its neighbours."""
    source = Path(str(found.locate_file("")))
    tops = {Path(file).parts[0] for file in found.files or [] if not str(file).startswith("..")}
    for top in tops - {"__pycache__"}:
        if not (site / top).exists():
            (site / top).symlink_to(source / top)


def test_it_carries_scripts_statements_migrations_and_pages(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        assert b"Requires-Dist: aiohttp" in packed.read(metadata)
    ours = ("queue_gateway", "booking_api", "local_provider", "shared", "onsale", "lua")
    needed = {
        str(name) for name in tracked() if name.parts[0] in ours and name.suffix in DATA | {".py"}
    }
    assert {"lua/admit.lua", "lua/fragments/room.lua", "onsale/verify/invariants.sql"} <= needed
    assert any(name.startswith("booking_api/migrations/versions/") for name in needed)
    assert needed - names == set()
    assert {name.split("/")[0] for name in names} - {metadata.split("/")[0]} == set(ours)


def test_installed_it_sells_a_small_hall_out(python: Path, tmp_path: Path) -> None:
    origins = run(python, "-c", ORIGINS, cwd=tmp_path).split()
    assert {Path(origin).is_relative_to(python.parents[1]) for origin in origins} == {True}

    report = tmp_path / "report.json"
    onsale = python.parent / "onsale"
    size = ("--visitors", "40", "--seats", "20")
    run(onsale, "rush", *size, "--json", report, "--home", tmp_path / "no-stack", cwd=tmp_path)

    result = orjson.loads(report.read_bytes())
    assert result["seats"]["by_status"] == {"SOLD": 20}
    assert result["invariants_hold"] is True
