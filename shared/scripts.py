"""Loading the Lua scripts: one file per transition, fragments joined in by `-- include: name`."""

import hashlib
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import redis.asyncio as redis
from redis.exceptions import NoScriptError, RedisError

LUA = Path(__file__).resolve().parent.parent / "lua"

_INCLUDE = re.compile(r"^-- include: (\w+)$", re.MULTILINE)


@cache
def source(name: str) -> str:
    """The text of a script as the store runs it, its fragments expanded."""
    text = (LUA / f"{name}.lua").read_text(encoding="utf-8")
    return _INCLUDE.sub(lambda found: (LUA / "fragments" / f"{found[1]}.lua").read_text(), text)


class Script:
    """One script on one store. EVALSHA, and once EVAL where the store does not know it (yet)."""

    def __init__(self, client: "redis.Redis", name: str, text: str | None = None):
        self._client = client
        self._text = text if text is not None else source(name)
        self._sha = hashlib.sha1(self._text.encode(), usedforsecurity=False).hexdigest()

    async def __call__(self, keys: list[str], args: list[Any]) -> Any:
        """Run it. Raises redis.exceptions.RedisError."""
        try:
            return await self._client.evalsha(self._sha, len(keys), *keys, *args)
        except NoScriptError:
            # After a restart of the store. EVAL loads it for everybody; a script that was not
            # known has not run, so nothing happens twice.
            return await self._client.eval(self._text, len(keys), *keys, *args)

    async def each(self, calls: Sequence[tuple[list[str], list[Any]]]) -> list[Any]:
        """Run it for each (keys, args) in one round trip; a call that failed answers its error.

        Raises redis.exceptions.RedisError when the store is not there.
        """
        async with self._client.pipeline(transaction=False) as together:
            for keys, args in calls:
                together.evalsha(self._sha, len(keys), *keys, *args)
            answers = await together.execute(raise_on_error=False)
        for index, answer in enumerate(answers):
            if isinstance(answer, NoScriptError):
                try:
                    answers[index] = await self(*calls[index])
                except RedisError as error:
                    answers[index] = error
        return list(answers)
