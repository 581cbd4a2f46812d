"""Server-sent events (WHATWG HTML, section 9.2), and a response that is made of them."""

import asyncio
import contextlib
import secrets
import socket
from typing import Annotated, Any

import msgspec
from aiohttp import hdrs, web
from msgspec import Meta

from shared.openapi import JSON, Header, Parameter

MEDIA_TYPE = "text/event-stream"
#: Of `X-Accel-Buffering`: nginx would keep events back until its buffer is full.
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
BUFFERING = Header("X-Accel-Buffering", "Tells nginx to pass events on at once.")
#: A comment, which keeps proxies from closing a quiet connection, and shows who is gone.
HEARTBEAT = ": \n\n"

#: A client comes back after a cut when so much time has passed: a crowd that was cut spreads out.
RETRY_MS = (1000, 6000)

LAST_EVENT_ID = Parameter(
    "header", "Last-Event-ID", str, "Of the last event that arrived; EventSource sends it itself."
)

#: A client that does not take what it is sent is cut after this, and so is one that went without a
#: word. Until then the kernel keeps some dozens of events for it, not megabytes of them.
WRITE_DEADLINE_S = 10.0
UNANSWERED_MS = 40_000
SEND_BUFFER = 16 * 1024


def data_of(shape: str) -> Any:
    """What `data` of an event is: JSON text of a described shape (JSON Schema, section 8)."""
    schema = {"$ref": f"#/components/schemas/{shape}"}
    extra = {"contentMediaType": JSON, "contentSchema": schema}
    return Annotated[str, Meta(extra_json_schema=extra)]


def event(name: str, data: Any, event_id: str | None = None) -> str:
    """One event; its data as JSON, which has no line breaks."""
    known_as = "" if event_id is None else f"id: {event_id}\n"
    return f"event: {name}\n{known_as}data: {msgspec.json.encode(data).decode()}\n\n"


def retry_line() -> str:
    """When to come back after a cut; a line of the next event, or of none."""
    low, high = RETRY_MS
    return f"retry: {low + secrets.randbelow(high - low + 1)}\n"


class EventStream(web.StreamResponse):
    """Streams as its body, `follow`: middlewares are done with it when it begins."""

    def __init__(self, request: web.Request):
        super().__init__(headers=HEADERS)
        self.content_type = MEDIA_TYPE
        self.force_close()
        self.request = request

    async def follow(self) -> None:
        """Send events until there are no more."""
        raise NotImplementedError

    async def write_eof(self, data: bytes = b"") -> None:
        """The body, from its first event to its last."""
        if self.request.method != hdrs.METH_HEAD and self.request.transport is not None:
            _keep_little(self.request.transport)
            await self.follow()
        await super().write_eof(data)

    async def send(self, text: str) -> None:
        """Raises ConnectionError when the client is gone or does not read."""
        try:
            async with asyncio.timeout(WRITE_DEADLINE_S):
                await self.write(text.encode())
                if self._payload_writer is not None:
                    await self._payload_writer.drain()
        except TimeoutError:
            if self.request.transport is not None:
                self.request.transport.abort()
            raise ConnectionResetError("The client does not read.") from None


def _keep_little(transport: asyncio.Transport) -> None:
    """Let what a client does not take show soon: a write has ended when the kernel has it all."""
    transport.set_write_buffer_limits(high=0)
    connection = transport.get_extra_info("socket")
    with contextlib.suppress(OSError, AttributeError):  # not every system knows them
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNANSWERED_MS)
