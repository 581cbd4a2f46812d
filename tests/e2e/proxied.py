"""A site behind the recipe for nginx, before a real gateway; the site records what reaches it."""

import asyncio
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from onsale.engines.account import unprivileged
from queue_gateway.app import create_app
from tests.guards import ROOT
from tests.integration.gateways import configure, join
from tests.integration.services import Client, served, settings
from tests.waiting import wait_until
from tests.wire import Wire, wired

NGINX = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
RECIPE = ROOT / "deploy" / "nginx" / "onsale.conf"
PAGE = ROOT / "deploy" / "waiting-room.html"
HOST = "shop.example"

#: Around the recipe, what a distribution's nginx.conf has; everything that is written lies in the
#: folder, for nginx runs without privileges here.
AROUND = """
daemon off;
pid nginx.pid;
error_log error.log;
events {{ }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include {recipe};
}}
"""


@dataclass
class Answer:
    """What came back of a request sent byte for byte."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Site:
    """Somebody's site behind nginx, and the requests that reached it."""

    port: int
    gateway: Client
    wire: Wire
    reached: list[Any] = field(default_factory=list)

    async def send(self, target: str, method: str = "GET", **headers: str) -> Answer:
        """Send this request target as it is; `_` in a header's name stands for '-'."""
        lines = [f"{method} {target} HTTP/1.1", f"Host: {HOST}", "Connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return await self.raw("\r\n".join([*lines, "", ""]).encode("latin-1"))

    async def raw(self, request: bytes) -> Answer:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request)
        raw = await asyncio.wait_for(reader.read(), 20)
        writer.close()
        head, _, body = raw.partition(b"\r\n\r\n")
        status, *rest = head.decode("latin-1").split("\r\n")
        headers = dict(line.split(": ", 1) for line in rest)
        return Answer(int(status.split()[1]), {k.lower(): v for k, v in headers.items()}, body)


@asynccontextmanager
async def echo(reached: list[Any]) -> AsyncIterator[Client]:
    """A site that records every request and tells what it got."""

    async def tell(request: web.Request) -> web.Response:
        got = {
            "method": request.method,
            "target": request.raw_path,
            "headers": {name.lower(): value for name, value in request.headers.items()},
        }
        reached.append(got)
        status = 403 if request.path == "/refused-by-the-site" else 200
        return web.json_response(got, status=status)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", tell)
    async with served(app) as client:
        yield client


@asynccontextmanager
async def nginx(gateway_url: str, site_url: str) -> AsyncIterator[int]:
    """The recipe on a running nginx, with other ports; yields its own."""
    assert NGINX is not None
    folder = Path(tempfile.mkdtemp(prefix="onsale-nginx-"))
    port = free_port()
    recipe = RECIPE.read_text(encoding="utf-8")
    for theirs, ours in (
        ("127.0.0.1:8080", gateway_url.removeprefix("http://")),
        ("127.0.0.1:3000", site_url.removeprefix("http://")),
        ("listen 8000;", f"listen 127.0.0.1:{port};"),
        ("/etc/nginx/onsale/waiting-room.html", str(folder / "waiting-room.html")),
    ):
        assert recipe.count(theirs) == 1, theirs
        recipe = recipe.replace(theirs, ours)
    (folder / "onsale.conf").write_text(recipe)
    (folder / "nginx.conf").write_text(AROUND.format(recipe=folder / "onsale.conf"))
    shutil.copy(PAGE, folder)
    process = started(folder)
    try:

        async def listens() -> bool:
            assert process.poll() is None, process.stderr and process.stderr.read()
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        await wait_until(listens)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(process.wait, 20)
        assert process.stderr is not None
        process.stderr.close()
        shutil.rmtree(folder)


def started(folder: Path) -> "subprocess.Popen[str]":
    """nginx with the configuration in this folder, without privileges."""
    somebody: dict[str, Any] = {}
    if (account := unprivileged()) is not None:
        somebody = {"user": account.uid, "group": account.gid, "extra_groups": []}
        for path in (folder, *folder.iterdir()):
            account.own(path)
    command = [str(NGINX), "-p", str(folder), "-c", "nginx.conf", "-e", "error.log"]
    return subprocess.Popen(command, cwd="/", stderr=subprocess.PIPE, text=True, **somebody)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@asynccontextmanager
async def behind_nginx(redis_url: str, database_url: str) -> AsyncIterator[Site]:
    """A site behind nginx; a room that lets everybody in until a test says otherwise."""
    reached: list[Any] = []
    async with (
        wired(redis_url) as wire,
        served(create_app(settings(wire.url, database_url))) as gateway,
        echo(reached) as behind,
        nginx(gateway.url, behind.url) as port,
    ):
        await configure(gateway, max_active=1000, admit_per_minute=6_000_000)
        yield Site(port, gateway, wire, reached)


async def let_in(site: Site, visitor: str = "ann") -> str:
    answer = await join(site.gateway, visitor)
    assert answer.json["status"] == "ACTIVE"
    return str(answer.json["token"])


async def waiting(site: Site) -> str:
    await configure(site.gateway, max_active=0)
    answer = await join(site.gateway, "bob")
    assert answer.json["status"] == "WAIT"
    return str(answer.json["token"])


def cookie(token: str) -> str:
    return f"onsale_spring-tour={token}"
