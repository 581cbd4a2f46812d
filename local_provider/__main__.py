"""`python -m local_provider`: serve the local provider, configured by the environment."""

import asyncio
import os
import signal
import sys

from aiohttp import web

from local_provider.app import create_app
from local_provider.settings import Settings, read_settings
from shared import logs
from shared.settings import Environment, SettingError

EXIT_BAD_SETTING = 2


def main() -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code."""
    try:
        settings = read_settings(Environment(os.environ))
        logs.configure("local_provider", settings.log_level)
        asyncio.run(_serve(settings))
    except SettingError as error:
        print(f"local_provider: {error}", file=sys.stderr)
        return EXIT_BAD_SETTING
    return 0


async def _serve(settings: Settings) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    serving = web.AppRunner(create_app(settings), access_log=None, shutdown_timeout=1.0)
    await serving.setup()
    try:
        listening = settings.listening()
        await web.SockSite(serving, listening).start()
        logs.logger(__name__).info("serving", address=str(listening.getsockname()))
        await stopped.wait()
    finally:
        await serving.cleanup()


if __name__ == "__main__":
    sys.exit(main())
