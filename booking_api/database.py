"""Running the named statements of `queries/`, and the outcomes of use cases."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

import asyncpg
from aiohttp import web
from prometheus_client import Counter

from booking_api.verdicts import domain_error, refusal
from shared.errors import OnsaleError
from shared.stores import ACQUIRE_DEADLINE_S

DECISIONS = Counter(
    "onsale_decisions_total", "Outcomes of holds, payments and the like.", ["use_case", "outcome"]
)

QUERIES = Path(__file__).parent / "queries"


@cache
def query(name: str) -> str:
    """The text of `queries/<name>.sql`."""
    return (QUERIES / f"{name}.sql").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a use case did. `body`: the JSON text of the answer, the same when it is replayed."""

    outcome: str
    body: str
    row: "asyncpg.Record"

    @property
    def replayed(self) -> bool:
        return self.outcome == "replayed"


class Sale:
    """The database of the sale. Every wait is bounded; every call is one round trip."""

    def __init__(self, connect: Callable[[], AbstractAsyncContextManager[Any]]):
        self._connect = connect

    @classmethod
    def over(cls, pool: "asyncpg.Pool") -> Self:
        """Each call on a connection, and in a transaction, of its own."""
        return cls(lambda: pool.acquire(timeout=ACQUIRE_DEADLINE_S))

    @classmethod
    def within(cls, connection: "asyncpg.pool.PoolConnectionProxy") -> Self:
        """Every call on one connection, in the transaction its owner opened."""
        return cls(lambda: nullcontext(connection))

    @asynccontextmanager
    async def together(self) -> AsyncIterator["Sale"]:
        """Calls that take effect all or none."""
        async with self._connect() as connection, connection.transaction():
            yield Sale.within(connection)

    async def rows(
        self, name: str, *args: Any, deadline_s: int | None = None
    ) -> "list[asyncpg.Record]":
        """All rows of a query. Raises a domain error for a broken constraint, asyncpg errors.

        `deadline_s`: for what takes longer than anything a visitor asks for.
        """
        async with self._connect() as connection:
            try:
                if deadline_s is None:
                    return await _fetched(connection, name, *args)
                async with connection.transaction():
                    await connection.execute(f"SET LOCAL statement_timeout = '{deadline_s}s'")
                    return await _fetched(connection, name, *args, timeout=deadline_s + 1)
            except asyncpg.IntegrityConstraintViolationError as error:
                raise domain_error(error) from error

    async def row(self, name: str, *args: Any) -> "asyncpg.Record | None":
        """The first row of a query, or None. Raises as `rows`."""
        found = await self.rows(name, *args)
        return found[0] if found else None

    async def decide(self, name: str, *args: Any) -> Answer:
        """Run a use case: `outcome` and `body` of its function. Raises what refused it."""
        (row,) = await self.rows(name, *args)
        decided = _verdict(name, row)
        if isinstance(decided, OnsaleError):
            raise decided
        return decided

    async def decide_each(
        self, name: str, use_case: str, *args: Any
    ) -> list[Answer | OnsaleError | None]:
        """Run a use case for all of a moment, with an array for each argument: what was decided of
        each, in their order; None for one that has to go alone. Raises as `rows`."""
        rows = await self.rows(name, *args)
        return [None if row["outcome"] == "alone" else _verdict(use_case, row) for row in rows]


def _verdict(use_case: str, row: "asyncpg.Record") -> Answer | OnsaleError:
    DECISIONS.labels(use_case, row["outcome"]).inc()
    refused = refusal(row["outcome"], row["body"])
    return Answer(row["outcome"], row["body"], row) if refused is None else refused


async def _fetched(connection: Any, name: str, *args: Any, **more: Any) -> "list[asyncpg.Record]":
    found: list[asyncpg.Record] = await connection.fetch(query(name), *args, **more)
    return found


SALE = web.AppKey("sale", Sale)
