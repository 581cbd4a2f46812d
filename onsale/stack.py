"""A whole sale on this machine: engines, schema, catalogue and services, started and stopped."""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from onsale.engines import EngineFailed, Postgres, Valkey
from onsale.engines.given import check
from onsale.engines.process import Child, together
from onsale.home import Home, HomeRefused
from onsale.services import MARK, Service, ServiceFailed, ending, listen, stop_leftovers, url_of
from shared.operators import full_key, operator_keys

MIGRATE_S = 120.0
_WATCH_EVERY_S = 0.1
#: The services' pools (two services, up to 16 connections each) and room for psql and verify.
_CONNECTIONS_PER_WORKER = 32
_CONNECTIONS_BESIDE = 40

Engine = Valkey | Postgres


class StackFailed(Exception):
    """The stack cannot start or run on; the message is one line for a person."""


@dataclass(slots=True)
class Stack:
    """A running sale."""

    home: Home
    gateway_url: str
    booking_url: str
    provider_url: str | None  # the local one, if it runs
    redis_url: str
    database_url: str
    admin_key: str
    admin_key_file: Path
    demo: bool
    services: Sequence[Service]
    engines: Sequence[Engine]
    _watching: "asyncio.Task[None]" = field(repr=False)

    async def broken(self) -> None:
        """Wait until the stack cannot run on. Raises StackFailed; never returns."""
        await asyncio.shield(self._watching)


@asynccontextmanager
async def run_stack(
    home: Path | None = None,
    *,
    gateway_port: int = 0,
    booking_port: int = 0,
    host: str = "127.0.0.1",
    workers: int = 1,
    fresh: bool = False,
    quiet: bool = True,
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[Stack]:
    """Run a whole sale for as long as the context is open.

    `home` is made when missing; None means a temporary one, removed at the end. Port 0 takes a
    free one. Settings are read from `environment` (default: this process's), which the services
    get too: REDIS_URL and DATABASE_URL name engines of one's own instead of the embedded ones.
    `fresh` removes the data first. Not `quiet`: a line on stdout for each service that is started
    again. To be used from the main thread. Raises StackFailed, with nothing left running.
    """
    given = dict(os.environ if environment is None else environment)
    temporary = home is None
    try:
        kept = Home.open(home or Path(tempfile.mkdtemp(prefix="onsale-")))
        async with AsyncExitStack() as cleanup:
            cleanup.enter_context(kept.locked())
            if temporary:
                cleanup.callback(kept.remove)
            starting = _Start(kept, given, host, workers, quiet, cleanup)
            await starting.clear_the_way(fresh)
            yield await starting.run(gateway_port, booking_port, fresh)
    except (HomeRefused, EngineFailed, ServiceFailed) as error:
        raise StackFailed(str(error)) from None


class _Start:
    """The steps of a start, each of which says how it is undone."""

    def __init__(
        self,
        home: Home,
        given: Mapping[str, str],
        host: str,
        workers: int,
        quiet: bool,
        cleanup: AsyncExitStack,
    ) -> None:
        self._home = home
        self._given = given
        self._host = host
        self._workers = workers
        self._quiet = quiet
        self._cleanup = cleanup
        self._own_redis = given.get("REDIS_URL", "").strip()
        self._own_database = given.get("DATABASE_URL", "").strip()

    async def clear_the_way(self, fresh: bool) -> None:
        """End what a killed supervisor left: it holds ports and data."""
        if fresh and (self._own_redis or self._own_database):
            raise StackFailed(
                "--fresh removes the data of the embedded engines only; "
                "leave it out, or unset REDIS_URL and DATABASE_URL."
            )
        await stop_leftovers(self._home.path)
        await Valkey(self._home.valkey, log=self._home.logs, password="").stop_leftovers()
        await Postgres(self._home.postgres, log=self._home.logs, password="").stop_leftovers()

    async def run(self, gateway_port: int, booking_port: int, fresh: bool) -> Stack:
        with ExitStack() as unused:
            gateway_socket = listen("gateway", self._host, gateway_port, "--gateway-port")
            unused.callback(gateway_socket.close)
            booking_socket = listen("booking API", self._host, booking_port, "--booking-port")
            unused.callback(booking_socket.close)
            if fresh:  # not before it is sure that a new start is possible
                self._home.clear()
            engines, redis_url, database_url = await self._start_engines()
            environment = self._environment(redis_url, database_url)
            await self._migrate(environment)
            gateway = self._service("gateway", "queue_gateway", gateway_socket, environment)
            environment.setdefault("ONSALE_WEB_ORIGINS", _origins(gateway.url))
            services = [gateway]
            provider_url = None
            if self._lacks_provider(environment):
                provider = self._provider(environment, booking_socket, unused)
                provider_url = provider.url
                services.append(provider)
            booking = self._service("booking API", "booking_api", booking_socket, environment)
            services.append(booking)
            unused.pop_all()
        self._cleanup.push_async_callback(_stop_all, services)
        for service in services:
            service.start()
        for service in services:
            await service.ready()
        watching = asyncio.create_task(_watch(engines, services, self._home.logs))
        self._cleanup.callback(watching.cancel)
        stack = Stack(
            home=self._home,
            gateway_url=gateway.url,
            booking_url=booking.url,
            provider_url=provider_url,
            redis_url=redis_url,
            database_url=database_url,
            admin_key=_admin_key(environment["ONSALE_ADMIN_KEY"]),
            admin_key_file=self._admin_key_file(),
            demo=environment["ONSALE_DEMO"] == "1",
            services=services,
            engines=engines,
            _watching=watching,
        )
        self._announce(stack)
        return stack

    async def _start_engines(self) -> tuple[Sequence[Engine], str, str]:
        """Start what is not given, both at once; returns the engines and the two URLs."""
        await check(self._own_redis, self._own_database)
        logs = self._home.logs
        engines: list[Engine] = []
        if not self._own_database:
            beside = self._workers * _CONNECTIONS_PER_WORKER + _CONNECTIONS_BESIDE
            password = self._home.secret("postgres.password")
            engines.append(
                Postgres(
                    self._home.postgres,
                    log=logs / "postgres.log",
                    password=password,
                    connections=max(100, beside),
                )
            )
        if not self._own_redis:
            password = self._home.secret("valkey.password")
            engines.append(Valkey(self._home.valkey, log=logs / "valkey.log", password=password))
        for engine in engines:  # undone in reverse: PostgreSQL stops last
            self._cleanup.push_async_callback(engine.stop)
        await together(*(engine.start() for engine in engines))
        urls = {engine.name: engine.url for engine in engines}
        return (
            engines,
            urls.get(Valkey.name, self._own_redis),
            urls.get(Postgres.name, self._own_database),
        )

    def _environment(self, redis_url: str, database_url: str) -> dict[str, str]:
        """What the services get: secrets of the home, unless the environment has its own."""
        embedded = not (self._own_redis or self._own_database)
        environment = {
            **self._given,
            "REDIS_URL": redis_url,
            "DATABASE_URL": database_url,
            "ONSALE_HOST": self._host,
            MARK: str(self._home.path),
        }
        for variable, file in _SECRETS.items():
            if not environment.get(variable, "").strip():
                environment[variable] = self._home.secret(file)
        if not environment.get("ONSALE_DEMO", "").strip():
            environment["ONSALE_DEMO"] = "1" if embedded else "0"
        return environment

    async def _migrate(self, environment: Mapping[str, str]) -> None:
        """Bring the schema up to date and fill an empty database, in a process of its own.

        A process can be ended at any moment; a thread that waits for a database cannot.
        """
        log = self._home.logs / "migrate.log"
        child = Child(
            [sys.executable, "-m", "onsale", "migrate", "--seed"],
            log=log,
            environment=environment,
            last_signal=signal.SIGKILL,
        )
        try:
            ended = await child.ended(MIGRATE_S)
        finally:
            await child.stop((signal.SIGTERM, 0.5), (signal.SIGKILL, 0.5))
        if not ended:
            raise StackFailed(f"The migration did not end within {MIGRATE_S:g} s; see {log}")
        if code := child.exit_code():
            words = child.last_words() or f"The migration {ending(code)}; see {log}"
            raise StackFailed(words.removeprefix("onsale migrate: "))

    def _lacks_provider(self, environment: Mapping[str, str]) -> bool:
        """A demo without a payment provider of its own gets the local one."""
        return environment["ONSALE_DEMO"] == "1" and not self._given.get("ONSALE_PROVIDER_URL")

    def _provider(self, environment: dict[str, str], told: Any, unused: ExitStack) -> Service:
        """The local payment provider. It tells the booking API, which listens on `told`, what
        happens, and the booking API hears of it in `environment`."""
        listening = listen("payment provider", self._host, 0, "--host")
        unused.callback(listening.close)
        for variable, file in _PROVIDER_SECRETS.items():
            if not environment.get(variable, "").strip():
                environment[variable] = self._home.secret(file)
        own = {
            **environment,
            "ONSALE_LOCAL_PROVIDER_EVENTS": f"{url_of(told)}/v1/provider/events",
            "ONSALE_LOCAL_PROVIDER_FILE": str(self._home.path / "provider.db"),
        }
        provider = self._service("payment provider", "local_provider", listening, own, workers=1)
        environment["ONSALE_PROVIDER_URL"] = provider.url
        return provider

    def _service(
        self,
        name: str,
        module: str,
        listening: Any,
        environment: Any,
        workers: int | None = None,
    ) -> Service:
        return Service(
            name,
            module,
            listening,
            environment=environment,
            workers=workers or self._workers,
            logs=self._home.logs,
            tell=_nobody if self._quiet else _terminal,
        )

    def _admin_key_file(self) -> Path:
        """Where the other commands read the key: an environment's own is kept for this run only."""
        name = _SECRETS["ONSALE_ADMIN_KEY"]
        given = self._given.get("ONSALE_ADMIN_KEY", "").strip()
        if not given:
            return self._home.path / name
        path = self._home.keep(f"{name}.given", _admin_key(given) + "\n")
        self._cleanup.callback(path.unlink, missing_ok=True)
        return path

    def _announce(self, stack: Stack) -> None:
        self._cleanup.callback(self._home.forget_stack)
        self._home.announce_stack(
            {
                "pid": os.getpid(),
                "gateway_url": stack.gateway_url,
                "booking_url": stack.booking_url,
                "provider_url": stack.provider_url,
                "redis_url": stack.redis_url,
                "database_url": stack.database_url,
                "admin_key_file": str(stack.admin_key_file),
            }
        )


_SECRETS = {
    "ONSALE_QUEUE_SECRET": "queue.secret",
    "ONSALE_IDENTITY_SECRET": "identity.secret",
    "ONSALE_ADMIN_KEY": "admin.key",
    "ONSALE_PASS_KEYS": "pass.key",
    "ONSALE_TICKET_KEYS": "ticket.key",
}


_PROVIDER_SECRETS = {
    "ONSALE_PROVIDER_KEY": "provider.key",
    "ONSALE_PROVIDER_SECRET": "provider.secret",
}


async def _watch(engines: Sequence[Engine], services: Sequence[Service], logs: Path) -> None:
    """Start services again as they end, until an engine ends. Raises StackFailed."""
    while True:
        for engine in engines:
            if (code := engine.exit_code()) is not None:
                raise StackFailed(f"{engine.name} {ending(code)} while in use; see {logs}")
        for service in services:
            service.tend()
        await asyncio.sleep(_WATCH_EVERY_S)


async def _stop_all(services: Sequence[Service]) -> None:
    await asyncio.gather(*(service.stop() for service in services))


def _admin_key(keys: str) -> str:
    """The key that our own commands use. Raises StackFailed."""
    try:
        return full_key(operator_keys(keys))
    except ValueError as error:
        raise StackFailed(f"ONSALE_ADMIN_KEY {error}") from None


def _origins(gateway_url: str) -> str:
    """The gateway's origin under both names a browser on this machine uses for it."""
    return ",".join(dict.fromkeys((gateway_url, gateway_url.replace("127.0.0.1", "localhost"))))


def _terminal(line: str) -> None:
    print(line, flush=True)


def _nobody(_: str) -> None:
    pass
