"""What the scripts tell of rooms at the moment they change them: one subscription per process."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import redis.asyncio as redis
from redis.exceptions import ConnectionError as NoConnection

from shared.logs import logger
from shared.places import JOURNAL, room_keys

#: A connection is asked for a sign of life, and given up after three that did not come.
PING_S = 2.0
SILENCE_S = 3 * PING_S
#: A room is followed after at most this; what happened until then is asked for.
CHANGES_S = 0.1
#: After a loss: soon, then later and later.
BACKOFF_S, LONGEST_BACKOFF_S = 0.05, 2.0

#: Nobody tells anything here; a connection that follows no room listens all the same.
NOTHING = "onsale:nothing"

log = logger(__name__)


class News:
    """Follows rooms until cancelled; no failure of the store ends it.

    `begun(room_id)`: from now on everything is heard. `heard(room_id, words)`: what `tell` in
    `lua/fragments/room.lua` says.
    """

    def __init__(
        self,
        client: "redis.Redis",
        begun: Callable[[str], None],
        heard: Callable[[str, list[str]], None],
    ):
        self._client = client
        self._begun, self._heard = begun, heard
        self._rooms: dict[str, str] = {}
        self._live: set[str] = set()
        self._changed = False
        self._failures = 0

    def follow(self, room_id: str) -> None:
        """Hear of this room, as soon as the store agrees."""
        channel = _channel(room_id)
        self._rooms[channel] = room_id
        self._changed = True
        if channel in self._live:
            self._begun(room_id)

    def leave(self, room_id: str) -> None:
        """Hear nothing more of this room."""
        self._rooms.pop(_channel(room_id), None)
        self._changed = True

    def hears(self, room_id: str) -> bool:
        """Whether everything this room tells arrives."""
        return _channel(room_id) in self._live

    async def run(self) -> None:
        while True:
            try:
                await self._listen()
            except Exception as error:  # noqa: BLE001 -- whatever the store does, the loop lives
                if not self._failures:
                    log.warning("news_lost", error=type(error).__name__)
            self._live.clear()
            await asyncio.sleep(min(LONGEST_BACKOFF_S, BACKOFF_S * 2**self._failures))
            self._failures = min(self._failures + 1, 10)

    async def _listen(self) -> None:
        """One connection's life. Raises whatever ends it.

        One task does it all: two that share a connection would both have to be ended with it.
        """
        async with self._client.pubsub() as connection:
            await connection.subscribe(NOTHING)
            asked = await self._agree(connection, set())
            heard_at = pinged_at = time.monotonic()
            while True:
                if self._changed:
                    asked = await self._agree(connection, asked)
                message = await connection.get_message(timeout=CHANGES_S)
                now = time.monotonic()
                if message is not None:
                    heard_at = now
                    self._take(message)
                elif now - heard_at > SILENCE_S:
                    raise NoConnection("The store says nothing.")
                if now - pinged_at > PING_S:
                    pinged_at = now
                    await connection.ping()

    async def _agree(self, connection: Any, asked: set[str]) -> set[str]:
        """Follow what is to be followed; returns the channels that are."""
        self._changed = False
        wanted = set(self._rooms)
        if more := wanted - asked:
            await connection.subscribe(*more)
        if less := asked - wanted:
            await connection.unsubscribe(*less)
        return wanted

    def _take(self, message: dict[str, Any]) -> None:
        kind, channel = message["type"], message["channel"]
        room_id = self._rooms.get(channel)
        if kind == "pong":
            self._failures = 0
        elif kind == "unsubscribe":
            self._live.discard(channel)
        elif kind == "subscribe":
            self._live.add(channel)
            if room_id is not None:
                self._begun(room_id)
        elif kind == "message" and room_id is not None:
            self._heard(room_id, message["data"].split())


def _channel(room_id: str) -> str:
    return room_keys(room_id, JOURNAL)[0]
