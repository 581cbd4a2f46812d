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
    """Where the services and the stores are, the operator's key, and the home of it all.

    `identity_secret`: signs its visitors; None where the stack has one that is not in its home.
    """

    gateway_url: str
    booking_url: str
    redis_url: str
    database_url: str
    admin_key: str
    home: Path
    identity_secret: str | None


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
        home=home,
        identity_secret=_kept(home / "identity.secret"),
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
            home=stack.home.path,
            identity_secret=_kept(stack.home.path / "identity.secret"),
        )


def _kept(secret: Path) -> str | None:
    try:
        return secret.read_text().strip()
    except FileNotFoundError:
        return None


def _neutral(environment: Mapping[str, str]) -> dict[str, str]:
    """Without our settings: a crowd must not reach the stores of a sale that they name."""
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith("ONSALE_") and name not in ("REDIS_URL", "DATABASE_URL")
    }
