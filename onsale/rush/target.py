"""The stack a rush runs against: one that runs already, or one of its own."""

import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson


@dataclass(frozen=True, slots=True)
class Target:
    """Where the services and the stores are, and the operator's key."""

    gateway_url: str
    booking_url: str
    redis_url: str
    database_url: str
    admin_key: str
    own: bool  # started for this run


def running(home: Path) -> Target | None:
    """The stack that `onsale up` runs on this home; None when there is none.

    A file left behind by a killed supervisor names a pid that is gone.
    """
    try:
        stack = orjson.loads((home / "stack.json").read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not alive(stack["pid"]):
        return None
    return Target(
        gateway_url=stack["gateway_url"].rstrip("/"),
        booking_url=stack["booking_url"].rstrip("/"),
        redis_url=stack["redis_url"],
        database_url=stack["database_url"],
        admin_key=Path(stack["admin_key_file"]).read_text().strip(),
        own=False,
    )


def alive(pid: int) -> bool:
    """Whether a process of this id runs, whoever owns it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@asynccontextmanager
async def started() -> AsyncIterator[Target]:
    """A stack on free ports in a temporary home, stopped and removed at the end."""
    from onsale.stack import run_stack

    with tempfile.TemporaryDirectory(prefix="onsale-rush-") as home:
        async with run_stack(
            home=Path(home), gateway_port=0, booking_port=0, workers=1, quiet=True
        ) as stack:
            yield Target(
                gateway_url=stack.gateway_url.rstrip("/"),
                booking_url=stack.booking_url.rstrip("/"),
                redis_url=stack.redis_url,
                database_url=stack.database_url,
                admin_key=stack.admin_key,
                own=True,
            )
