"""Long answers that are made while they are sent: exports, lists for devices."""

import asyncio
from collections.abc import AsyncIterator

from aiohttp import hdrs, web

from shared.logs import logger

#: A client that takes nothing for so long is cut.
WRITE_DEADLINE_S = 30.0

log = logger(__name__)


class Streamed(web.StreamResponse):
    """Sends `parts` as its body; middlewares are done with it when it begins.

    What breaks on the way cuts the connection: half of a body never looks like a whole one.
    """

    def __init__(self, request: web.Request, parts: AsyncIterator[bytes], media_type: str):
        super().__init__(headers={hdrs.CACHE_CONTROL: "no-store"})
        self.content_type = media_type
        self._request = request
        self._parts = parts

    async def write_eof(self, data: bytes = b"") -> None:
        """The body, part by part."""
        if self._request.method != hdrs.METH_HEAD:
            try:
                async for part in self._parts:
                    async with asyncio.timeout(WRITE_DEADLINE_S):
                        await self.write(part)
            except ConnectionError:
                raise  # the client is gone, which is its right
            except Exception as error:
                log.warning("stream_broken", error=type(error).__name__)
                if self._request.transport is not None:
                    self._request.transport.abort()
                raise ConnectionResetError("The answer could not be sent whole.") from error
        await super().write_eof(data)
