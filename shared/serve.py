"""Running a service: settings from the environment, one socket, an orderly end."""

import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import TypeVar

import uvloop
from aiohttp import web

from shared import logs
from shared.settings import Environment, ServiceSettings, SettingError
from shared.stores import StoreRefused
from shared.web import runner

BACKLOG = 4096
ACCEPTED_PER_TURN = 16
EXIT_BAD_SETTING = 2
EXIT_NO_STORE = 3

Settings = TypeVar("Settings", bound=ServiceSettings)


def main(
    service: str,
    read_settings: Callable[[Environment], Settings],
    create_app: Callable[[Settings], web.Application],
) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code. A refusal is one line on stderr."""
    try:
        settings = read_settings(Environment(os.environ))
        logs.configure(service, settings.log_level)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
            loop.run(_serve(create_app(settings), settings))
    except SettingError as error:
        return _refuse(service, str(error), EXIT_BAD_SETTING)
    except StoreRefused as error:
        return _refuse(service, str(error), EXIT_NO_STORE)
    except OSError as error:
        return _refuse(service, f"cannot listen on {settings.host}:{settings.port}: {error}", 1)
    return 0


async def accept(serving: web.AppRunner, listening: socket.socket) -> None:
    """Begin to serve on a listening socket, which the runner closes at its end.

    libuv takes one connection from a listening descriptor in each turn of its loop. Turns of a busy
    service are long, and a crowd comes with a connection for each visitor: a queue of thousands
    would build up in front of a service that has time for them. So there are several descriptors
    of the one socket.
    """
    descriptors = [listening, *(listening.dup() for _ in range(ACCEPTED_PER_TURN - 1))]
    for descriptor in descriptors:
        await web.SockSite(serving, descriptor, backlog=BACKLOG).start()


async def _serve(app: web.Application, settings: ServiceSettings) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    serving = runner(app)
    await serving.setup()
    try:
        listening = _listen(settings)
        await accept(serving, listening)
        # What was loaded stays: the garbage collector need not look through it again and again.
        gc.collect()
        gc.freeze()
        logs.logger(__name__).info("serving", address=str(listening.getsockname()))
        await stopped.wait()
    finally:
        await serving.cleanup()


def _listen(settings: ServiceSettings) -> socket.socket:
    if settings.listen_fd is not None:
        return socket.socket(fileno=settings.listen_fd)
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    where = settings.host, settings.port
    return socket.create_server(
        where, family=family, backlog=BACKLOG, reuse_port=settings.reuse_port
    )


def _refuse(service: str, message: str, code: int) -> int:
    print(f"{service}: {message}", file=sys.stderr)
    return code
