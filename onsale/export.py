"""`onsale export`: the bookings or the payments of a date as a CSV file."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated, BinaryIO, Literal

import typer
from rich.console import Console

from booking_api.database import Sale
from booking_api.exports import Exports
from booking_api.money import Currency
from booking_api.settings import read_currency
from onsale.home import running_stack
from shared.errors import NotFound
from shared.settings import Environment, SettingError
from shared.stores import StoreRefused, connected_database


def command(
    what: Annotated[Literal["bookings", "payments"], typer.Argument(help="What to export.")],
    schedule_id: Annotated[int, typer.Argument(min=1, max=2**63 - 1, help="Of which date.")],
    to: Annotated[
        Path | None, typer.Option(help="The file to write; standard output if absent.")
    ] = None,
    home: Annotated[
        Path, typer.Option(envvar="ONSALE_HOME", help="Folder of the running stack.")
    ] = Path(".onsale"),
) -> None:
    """Write what was booked of a date, or paid and given back for it, as CSV."""
    try:
        url, currency = _database_url(home), read_currency(Environment(os.environ))
        if to is None:
            asyncio.run(_write(url, currency, what, schedule_id, sys.stdout.buffer))
            return
        # Under its own name only when it is whole.
        part = to.with_name(f"{to.name}.part")
        try:
            with part.open("wb") as out:
                asyncio.run(_write(url, currency, what, schedule_id, out))
            part.replace(to)
        finally:
            part.unlink(missing_ok=True)
    except NotFound:
        _refuse(f"there is no date {schedule_id}.")
    except (StoreRefused, SettingError, OSError) as refused:
        _refuse(str(refused))


async def _write(
    database_url: str, currency: Currency, what: str, schedule_id: int, out: BinaryIO
) -> None:
    async with connected_database(database_url, application="onsale-export") as pool:
        export = await Exports(Sale.over(pool), currency).begin(what, schedule_id)
        async for page in export.pages:
            out.write(page)
    out.flush()


def _database_url(home: Path) -> str:
    """Of the stack that runs in `home`, else of the environment. Raises StoreRefused."""
    stack = running_stack(home)
    found = os.environ.get("DATABASE_URL", "") if stack is None else str(stack["database_url"])
    if not found:
        raise StoreRefused(f"no stack runs in {home}; name its --home, or set DATABASE_URL.")
    return found


def _refuse(message: str) -> None:
    Console(stderr=True, soft_wrap=True).print(f"onsale export: {message}", style="red")
    raise typer.Exit(2)
