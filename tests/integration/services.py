"""Services over real HTTP in the test's own loop, on real engines."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
from aiohttp import web

from queue_gateway.settings import GatewaySettings
from shared.identity import Identities
from shared.operators import operator_keys
from shared.tokens import QueueTokens
from shared.web import runner

QUEUE_SECRET = "queue-secret-of-the-tests-which-is-long"
IDENTITY_SECRET = "identity-secret-of-the-tests-which-is-long"
ADMIN_KEY = "operator-key-of-the-tests"
PASS_KEY = "cGFzcy1rZXktb2YtdGhlLXRlc3RzLTMyLWJ5dGVzLS0"
ORIGIN = "http://shop.example"

Json = dict[str, Any]


def settings(redis_url: str, database_url: str, **changes: Any) -> GatewaySettings:
    """What the gateway is told in tests."""
    told = GatewaySettings(
        redis_url=redis_url,
        database_url=database_url,
        host="127.0.0.1",
        port=0,
        listen_fd=None,
        queue_secrets=(QUEUE_SECRET,),
        identity_secrets=(IDENTITY_SECRET,),
        identity_jwks=None,
        lane_claim="lane",
        admin_keys=operator_keys(ADMIN_KEY),
        demo=True,
        web_origins=(ORIGIN,),
        log_level="error",
        pass_keys=(PASS_KEY,),
    )
    return replace(told, **changes)


def identity(visitor: str) -> str:
    """An identity token of `visitor`."""
    return Identities((IDENTITY_SECRET,)).sign(visitor)


def tokens() -> QueueTokens:
    """Signs queue tokens as the gateway under test does."""
    return QueueTokens((QUEUE_SECRET,))


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Any
    body: bytes
    json: Any

    @property
    def code(self) -> str | None:
        """The problem's code, after checking that a problem is what it is."""
        if self.status < 400:
            return None
        assert self.headers["Content-Type"] == "application/problem+json"
        assert {"type", "title", "status", "detail", "code", "retryable", "request_id"} <= set(
            self.json
        )
        assert self.json["status"] == self.status
        assert self.status not in (429, 503) or int(self.headers["Retry-After"]) > 0
        return str(self.json["code"])


class Client:
    """A visitor or operator of one service."""

    def __init__(self, session: aiohttp.ClientSession, url: str):
        self.session = session
        self.url = url

    async def ask(self, method: str, path: str, **kwargs: Any) -> Answer:
        async with self.session.request(method, self.url + path, **kwargs) as response:
            body = await response.read()
            as_json = "json" in response.headers.get("Content-Type", "")
            return Answer(
                response.status,
                response.headers,
                body,
                await response.json(content_type=None) if as_json and body else None,
            )

    async def as_visitor(self, visitor: str, method: str, path: str, **kwargs: Any) -> Answer:
        headers = {"Authorization": f"Bearer {identity(visitor)}", **kwargs.pop("headers", {})}
        return await self.ask(method, path, headers=headers, **kwargs)

    async def as_operator(self, method: str, path: str, **kwargs: Any) -> Answer:
        headers = {"Authorization": f"Bearer {ADMIN_KEY}", **kwargs.pop("headers", {})}
        return await self.ask(method, path, headers=headers, **kwargs)


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[Client]:
    """Serve `app` on a free port of this machine."""
    serving = runner(app, shutdown_timeout_s=1)
    await serving.setup()
    try:
        site = web.TCPSite(serving, "127.0.0.1", 0)
        await site.start()
        host, port = serving.addresses[0][:2]
        async with aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(), connector=aiohttp.TCPConnector(limit=0)
        ) as session:
            yield Client(session, f"http://{host}:{port}")
    finally:
        await serving.cleanup()
