"""The stack a rush runs against: one that runs already, or one of its own."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from onsale.home import running_stack
from onsale.stack import run_stack


@dataclass(frozen=True, slots=True)
class Target:
    """Where the services and the stores are, and the operator's key."""

    gateway_url: str
    booking_url: str
    redis_url: str
    database_url: str
    admin_key: str


def running(home: Path) -> Target | None:
    """The stack that runs in this home; None when there is none. Raises OSError for its key."""
    stack = running_stack(home)
    if stack is None:
        return None
    return Target(
        gateway_url=stack["gateway_url"],
        booking_url=stack["booking_url"],
        redis_url=stack["redis_url"],
        database_url=stack["database_url"],
        admin_key=Path(stack["admin_key_file"]).read_text().strip(),
    )


@asynccontextmanager
async def started() -> AsyncIterator[Target]:
    """A stack on free ports in a temporary home, gone at the end. Raises StackFailed."""
    async with run_stack(environment=_neutral(os.environ)) as stack:
        yield Target(
            gateway_url=stack.gateway_url,
            booking_url=stack.booking_url,
            redis_url=stack.redis_url,
            database_url=stack.database_url,
            admin_key=stack.admin_key,
        )


def _neutral(environment: Mapping[str, str]) -> dict[str, str]:
    """Without our settings: a crowd must not reach the stores of a sale that they name."""
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith("ONSALE_") and name not in ("REDIS_URL", "DATABASE_URL")
    }
