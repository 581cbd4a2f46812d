"""What operators do, kept with who, when, what, and what came of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
from aiohttp import web

from shared.errors import OnsaleError
from shared.logs import logger
from shared.operators import Operator
from shared.stores import ACQUIRE_DEADLINE_S, unavailable

DONE = "done"

log = logger(__name__)


@cache
def _query(name: str) -> str:
    return (Path(__file__).parent / "queries" / f"{name}.sql").read_text(encoding="utf-8")


class Audit:
    """The table of operators' actions."""

    def __init__(self, pool: "asyncpg.Pool"):
        self._pool = pool

    @asynccontextmanager
    async def kept(
        self,
        who: Operator,
        action: str,
        room_id: str | None,
        changes: Any = None,
        *,
        subject: str | None = None,
    ) -> AsyncIterator[dict[str, Any]]:
        """Do something that is kept: as begun before it is done, then with its outcome.

        Gives a dict for what is found out on the way. What cannot be kept is not done: raises
        asyncpg errors. If the outcome cannot be, the action stays 'begun', which means unknown.
        """
        given = (who.name, action, room_id, subject, _json({} if changes is None else changes))
        async with self._pool.acquire(timeout=ACQUIRE_DEADLINE_S) as connection:
            audit_id = await connection.fetchval(_query("audit_begun"), *given)
        found: dict[str, Any] = {}
        try:
            yield found
        except Exception as error:
            await self._end(audit_id, _outcome(error), found)
            raise
        await self._end(audit_id, DONE, found)

    async def page(
        self, room_id: str | None, operator: str | None, before: int | None, limit: int
    ) -> "list[asyncpg.Record]":
        """The newest rows below `before`."""
        async with self._pool.acquire(timeout=ACQUIRE_DEADLINE_S) as connection:
            rows: list[asyncpg.Record] = await connection.fetch(
                _query("audit_page"), room_id, operator, before, limit
            )
        return rows

    async def _end(self, audit_id: int, outcome: str, found: dict[str, Any]) -> None:
        try:
            async with self._pool.acquire(timeout=ACQUIRE_DEADLINE_S) as connection:
                await connection.execute(_query("audit_ended"), audit_id, outcome, _json(found))
        except Exception as error:
            if unavailable(error) is None:
                raise
            log.warning("outcome_not_kept", audit_id=audit_id, error=type(error).__name__)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _outcome(error: Exception) -> str:
    """The code of a refusal; what a store did that did not answer is not known."""
    refused = error if isinstance(error, OnsaleError) else unavailable(error)
    return refused.code if refused is not None else "failed"


AUDIT = web.AppKey("audit", Audit)
