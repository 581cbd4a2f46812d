"""`onsale up`: run a whole sale until Ctrl-C."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from onsale.stopping import Stopped, until_stopped


def command(
    home: Annotated[
        Path, typer.Option(envvar="ONSALE_HOME", help="Folder of secrets, data and logs.")
    ] = Path(".onsale"),
    gateway_port: Annotated[
        int, typer.Option(envvar="ONSALE_GATEWAY_PORT", min=0, max=65535, help="0: a free one.")
    ] = 8080,
    booking_port: Annotated[
        int, typer.Option(envvar="ONSALE_BOOKING_PORT", min=0, max=65535, help="0: a free one.")
    ] = 8081,
    host: Annotated[
        str, typer.Option(envvar="ONSALE_HOST", help="Address to listen on.")
    ] = "127.0.0.1",
    workers: Annotated[
        int, typer.Option(envvar="ONSALE_WORKERS", min=1, max=64, help="Processes per service.")
    ] = 1,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Remove the data and secrets of this home first.")
    ] = False,
) -> None:
    """Run a whole sale on this machine: engines, schema, catalogue, gateway and booking API.

    REDIS_URL and DATABASE_URL name engines of your own instead of the embedded ones.
    """
    from onsale.stack import StackFailed

    try:
        asyncio.run(until_stopped(_run(home, gateway_port, booking_port, host, workers, fresh)))
    except Stopped:
        pass  # as asked
    except StackFailed as error:
        print(f"onsale up: {error}", file=sys.stderr)
        raise typer.Exit(1) from None


async def _run(
    home: Path, gateway_port: int, booking_port: int, host: str, workers: int, fresh: bool
) -> None:
    from onsale.stack import run_stack
    from onsale.welcome import welcome

    async with run_stack(
        home,
        gateway_port=gateway_port,
        booking_port=booking_port,
        host=host,
        workers=workers,
        fresh=fresh,
        quiet=False,
    ) as stack:
        await welcome(stack)
        await stack.broken()
