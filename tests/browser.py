"""A real browser, driven over its DevTools protocol."""

import asyncio
import json
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

from tests.waiting import wait_until

START_DEADLINE_S = 30.0


def browser_program() -> str | None:
    """The browser's path, None when none is installed."""
    return shutil.which("chromium") or shutil.which("google-chrome")


#: What the protocol says when the page that was asked is not there any more.
_LEFT = "navigated or closed"


class WentOn(Exception):
    """The page went on to another address before it answered."""


class Tab:
    """One page, its script and its screen."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse):
        self._socket = socket
        self._last_id = 0
        self.complaints: list[str] = []

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """One command of the protocol; its result."""
        self._last_id += 1
        await self._socket.send_json({"id": self._last_id, "method": method, "params": params})
        while True:
            told = json.loads(await self._socket.receive_str(timeout=START_DEADLINE_S))
            if told.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.complaints.append(json.dumps(told["params"]))
            if told.get("id") == self._last_id:
                if _LEFT in told.get("error", {}).get("message", ""):
                    raise WentOn
                assert "error" not in told, told
                result: dict[str, Any] = told["result"]
                return result

    async def go(self, url: str) -> None:
        await self.ask("Page.navigate", url=url)

    async def evaluate(self, script: str) -> Any:
        """The value of an expression in the page, promises awaited; None while it goes on."""
        try:
            told = await self.ask(
                "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
            )
        except WentOn:
            return None
        return told["result"].get("value")

    async def text(self) -> str:
        """What a person sees."""
        return str(await self.evaluate("document.body ? document.body.innerText : ''"))

    async def shows(self, words: str) -> None:
        """Wait until a person sees these words."""

        async def seen() -> bool:
            return words in await self.text()

        await wait_until(seen)

    async def click(self, selector: str) -> None:
        await self.evaluate(f"document.querySelector({json.dumps(selector)}).click()")


@asynccontextmanager
async def tab() -> AsyncIterator[Tab]:
    """A fresh browser with one empty page; everything of it is gone afterwards."""
    program = browser_program()
    assert program
    with tempfile.TemporaryDirectory(prefix="onsale-browser-", ignore_cleanup_errors=True) as home:
        process = await asyncio.create_subprocess_exec(
            program,
            *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
            *("--remote-debugging-port=0", "--remote-allow-origins=*", "--no-first-run"),
            *("--window-size=900,700", f"--user-data-dir={home}", "about:blank"),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            announced = Path(home) / "DevToolsActivePort"

            async def port() -> str:
                told = announced.read_text() if announced.exists() else ""
                return told.split()[0] if "\n" in told else ""

            found = await wait_until(port, within_s=START_DEADLINE_S)
            async with aiohttp.ClientSession() as session:

                async def page() -> str:
                    async with session.get(f"http://127.0.0.1:{found}/json") as answer:
                        told = [p for p in await answer.json() if p["type"] == "page"]
                    return str(told[0]["webSocketDebuggerUrl"]) if told else ""

                url = await wait_until(page, within_s=START_DEADLINE_S)
                async with session.ws_connect(url, max_msg_size=0) as socket:
                    opened = Tab(socket)
                    for domain in ("Page", "Runtime", "Log"):
                        await opened.ask(f"{domain}.enable")
                    yield opened
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
