"""`python -m bench.constant FD METHOD PATH STATUS SIZE`: answer every request with the same bytes.

The bare aiohttp application, with one route and nothing else, that other answers are measured
against. It serves on the listening socket FD, and says so.
"""

import asyncio
import socket
import sys

import uvloop
from aiohttp import web


async def serve(fd: int, method: str, path: str, status: int, size: int) -> None:
    """Until killed."""
    body = b"[" + b" " * (size - 2) + b"]" if size else b""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body, status=status, content_type="application/json")

    app = web.Application()
    app.router.add_route(method, path, answer)
    serving = web.AppRunner(app, access_log=None)
    await serving.setup()
    await web.SockSite(serving, socket.socket(fileno=fd)).start()
    print("serving", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    fd, method, path, status, size = sys.argv[1:]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        loop.run(serve(int(fd), method, path, int(status), int(size)))
