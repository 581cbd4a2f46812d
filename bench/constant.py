"""`python -m bench.constant SIZE`: answer every request with the same SIZE bytes, and nothing else.

The bare aiohttp handler that other answers are measured against. Prints its port.
"""

import asyncio
import sys

import uvloop
from aiohttp import web

from shared.web import runner


async def serve(size: int) -> None:
    """Until killed."""
    body = b"[" + b" " * (size - 2) + b"]"

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    app = web.Application()
    app.router.add_get("/", answer)
    serving = runner(app)
    await serving.setup()
    await web.TCPSite(serving, "127.0.0.1", 0).start()
    print(serving.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        loop.run(serve(int(sys.argv[1])))
