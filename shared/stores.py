"""Connecting to Redis and PostgreSQL with a deadline on every wait, and what failures mean."""

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import hiredis
import redis.asyncio as redis
from aiohttp import web
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.connection import HiredisRespSerializer
from redis.exceptions import RedisError, ResponseError

from shared.errors import Unavailable
from shared.logs import logger

REDIS = web.AppKey("redis", redis.Redis)
DATABASE = web.AppKey("database", asyncpg.Pool)

#: A script answers in microseconds; a store that takes this long is not there (503 within 2 s).
REDIS_DEADLINE_S = 1.5
#: In a crowd, one waits for a connection first; both waits together end before those two seconds.
TURN_DEADLINE_S, TOTAL_DEADLINE_S = 1.4, 1.9
CONNECT_DEADLINE_S = 5.0
STATEMENT_DEADLINE_S = 5.0
ACQUIRE_DEADLINE_S = 5.0
REDIS_CONNECTIONS = 64
POOL_SIZE = 12

#: Replies of a Redis that is there but does not serve (redis-py has no class for these).
_REFUSING = ("MISCONF", "BUSY", "NOREPLICAS", "CLUSTERDOWN", "TRYAGAIN", "UNKILLABLE")
#: Redis 6.2 wraps what it refuses a script's command with, as if the script had a mistake.
_REFUSED_IN_SCRIPT = re.compile(r": -(OOM|READONLY|MISCONF|NOREPLICAS|CLUSTERDOWN|TRYAGAIN) ")

log = logger(__name__)


class StoreRefused(Exception):
    """A store cannot be used as it is; the message says what to change."""


def unavailable(error: BaseException) -> Unavailable | None:
    """What a client is told of a store's failure, or None when it is not one.

    The one place where errors of the drivers become an answer. After a lost connection the outcome
    is unknown: the answer asks to repeat with the same key. A script's mistake is a bug of ours.
    """
    if isinstance(error, Unavailable):
        return error
    if type(error) is ResponseError:
        said = str(error)
        refused = said.startswith(_REFUSING) or _REFUSED_IN_SCRIPT.search(said)
        return Unavailable() if refused else None
    lost = (
        RedisError,
        asyncpg.PostgresConnectionError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,
        asyncpg.TooManyConnectionsError,
        asyncpg.OperatorInterventionError,
        asyncpg.InsufficientResourcesError,
        asyncpg.TransactionRollbackError,
        asyncpg.LockNotAvailableError,
        OSError,
        TimeoutError,
    )
    return Unavailable() if isinstance(error, lost) else None


class _Packed:
    """A connection that writes commands with hiredis: a call of a script has hundreds of arguments,
    and redis-py's own loop over them takes longer than the store takes to answer.
    """

    _writer: asyncio.StreamWriter | None
    health_check_interval: float

    def pack_command(self, *args: Any) -> list[bytes]:
        """A command as it goes over the wire. Raises redis DataError."""
        if args[0] in _ONE_WORD:
            with contextlib.suppress(TypeError):  # redis-py says what of it is not to be sent
                return [hiredis.pack_command(args)]
        return _SERIALIZER.pack(*args)  # type: ignore[no-any-return]

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        """Write it. Raises redis ConnectionError, TimeoutError.

        What the system takes at once needs neither a deadline nor the task that redis-py makes for
        one; that the connection was lost is found out when the answer is read.
        """
        writer = self._writer
        if writer is None or writer.is_closing() or self.health_check_interval:
            await super().send_packed_command(command, check_health)  # type: ignore[misc]
            return
        writer.writelines(command)
        if writer.transport.get_write_buffer_size() > _SOON_WRITTEN_BYTES:
            await super().send_packed_command([], check_health)  # type: ignore[misc]


class _Plain(_Packed, redis.Connection):
    pass


class _Tls(_Packed, redis.SSLConnection):
    pass


class _Unix(_Packed, redis.UnixDomainSocketConnection):
    pass


_SERIALIZER = HiredisRespSerializer()
#: Commands with many arguments, at each of which redis-py would look first. Others may have names
#: of two words, which it takes apart.
_ONE_WORD = {"EVALSHA", "EVAL"}
#: So much of what was written may be left for the loop to hand on; above it, one has to wait.
_SOON_WRITTEN_BYTES = 16 * 1024
#: By what a URL asks for.
_CONNECTIONS: dict[type, type] = {made.__mro__[2]: made for made in (_Plain, _Tls, _Unix)}


class InTurn(redis.ConnectionPool):
    """At most REDIS_CONNECTIONS at work; who waits for one gets it in the order of asking.

    redis-py's BlockingConnectionPool wakes waiters into a race with newcomers, behind a lock that
    those who give back need too: with some hundreds waiting that cost as much as the commands, and
    the unlucky ones ran into their deadline.
    """

    def __init__(self, **settings: Any) -> None:
        asked = settings.pop("connection_class", redis.Connection)
        super().__init__(connection_class=_CONNECTIONS[asked], **settings)
        self._turns = asyncio.Semaphore(REDIS_CONNECTIONS)

    async def get_connection(self, *_: Any, **__: Any) -> Any:
        """A connected connection. Raises redis ConnectionError when none was free in time.

        Who has waited for it long has less time left to wait for the answer.
        """
        connection = await self._at_hand()
        if connection is not None:
            connection.socket_timeout = REDIS_DEADLINE_S
            return connection
        began = time.monotonic()
        try:
            async with asyncio.timeout(TURN_DEADLINE_S):
                await self._turns.acquire()
                connection = await self._connected()
        except TimeoutError:
            raise redis.ConnectionError("No connection was free in time.") from None
        waited_s = time.monotonic() - began
        connection.socket_timeout = min(REDIS_DEADLINE_S, TOTAL_DEADLINE_S - waited_s)
        return connection

    async def _at_hand(self) -> Any:
        """A connection that is free, open and as it should be; None where one has to wait."""
        free = self._available_connections
        if self._turns.locked() or not free or not free[-1].is_connected:
            return None
        try:
            if await free[-1].can_read():  # does not wait: whether anything came since, or its end
                return None
        except redis.ConnectionError:
            return None
        await self._turns.acquire()  # nor does this
        return self.get_available_connection()  # type: ignore[no-untyped-call]

    async def _connected(self) -> Any:
        connection = None
        try:
            connection = self.get_available_connection()  # type: ignore[no-untyped-call]
            await self.ensure_connection(connection)
        except BaseException:
            if connection is None:
                self._turns.release()
            else:
                await self.release(connection)
            raise
        return connection

    async def release(self, connection: Any) -> None:
        """Give it back, for whoever has waited longest."""
        try:
            await super().release(connection)
        finally:
            self._turns.release()


def redis_client(url: str) -> "redis.Redis":
    """A client whose every wait is bounded; it does not retry, so that nothing is done twice."""
    return redis.Redis(
        connection_pool=InTurn.from_url(
            url,
            socket_timeout=REDIS_DEADLINE_S,
            socket_connect_timeout=REDIS_DEADLINE_S,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
            protocol=2,
        )
    )


@asynccontextmanager
async def connected_redis(url: str) -> AsyncIterator["redis.Redis"]:
    """A checked Redis. Raises StoreRefused when it is not there or may evict places."""
    try:
        client = redis_client(url)
    except ValueError:
        raise StoreRefused("REDIS_URL is not a redis:// or rediss:// URL.") from None
    try:
        try:
            async with asyncio.timeout(CONNECT_DEADLINE_S):
                await client.ping()
                policy = await _eviction_policy(client)
        except (RedisError, OSError, TimeoutError) as error:
            raise StoreRefused(
                f"Redis at REDIS_URL does not answer ({type(error).__name__}); is it running?"
            ) from None
        if policy is None:
            log.warning("redis_config_hidden", advice="make sure maxmemory-policy is noeviction")
        elif policy != "noeviction":
            raise StoreRefused(
                f"Redis evicts keys (maxmemory-policy {policy}), which loses places in line; "
                "set maxmemory-policy to noeviction."
            )
        yield client
    finally:
        await client.aclose()


async def _eviction_policy(client: "redis.Redis") -> str | None:
    try:
        found = await client.config_get("maxmemory-policy")
    except ResponseError:  # managed services hide CONFIG
        return None
    policy = found.get("maxmemory-policy")
    return None if policy is None else str(policy)


async def _nothing_to_reset(connection: "asyncpg.pool.PoolConnectionProxy") -> None:
    # asyncpg would ask the server to reset the session each time a connection is given back: a
    # second round trip for every use case. Ours change no session state; open transactions are
    # rolled back without it.
    pass


@asynccontextmanager
async def connected_database(url: str, *, application: str) -> AsyncIterator["asyncpg.Pool"]:
    """A pool of connections to PostgreSQL. Raises StoreRefused when it is not there."""
    try:
        pool = await asyncpg.create_pool(
            url,
            min_size=2,
            max_size=POOL_SIZE,
            timeout=CONNECT_DEADLINE_S,
            command_timeout=STATEMENT_DEADLINE_S + 1,
            reset=_nothing_to_reset,
            server_settings={
                "application_name": application,
                "statement_timeout": str(int(STATEMENT_DEADLINE_S * 1000)),
                "lock_timeout": str(int(STATEMENT_DEADLINE_S * 1000)),
                "idle_in_transaction_session_timeout": "10000",
                "timezone": "UTC",
                # Money and seats commit with fsync, whatever the server's default says.
                "synchronous_commit": "on",
            },
        )
    except ValueError:
        raise StoreRefused("DATABASE_URL is not a postgresql:// URL.") from None
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
        raise StoreRefused(
            f"PostgreSQL at DATABASE_URL refuses the connection ({type(error).__name__}); "
            "is it running, and are user, password and database right?"
        ) from None
    try:
        yield pool
    finally:
        try:
            async with asyncio.timeout(CONNECT_DEADLINE_S):
                await pool.close()
        except TimeoutError:
            pool.terminate()
