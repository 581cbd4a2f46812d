"""`onsale webhooks`: what other systems were told, and telling it once more."""

import asyncio
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from booking_api.catalogue import OURSELVES
from booking_api.database import Sale
from booking_api.webhook_log import Wanted, WebhookLog
from onsale.home import running_stack
from shared.paging import Page, number
from shared.stores import StoreRefused, connected_database

REPLAY = "replay"
_COLUMNS = ("event", "kind", "booking", "date", "state", "attempts", "last", "created")


def command(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[replay [ID]...]", help="Send events again, by id or option."),
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Those that were given up.")] = False,
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d"], help="Those written since then (UTC)."
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Show at most so many.")] = 20,
    home: Annotated[
        Path, typer.Option(envvar="ONSALE_HOME", help="Folder of the running stack.")
    ] = Path(".onsale"),
) -> None:
    """Show what other systems were told, newest first; or send some of it again."""
    if since is not None and since.tzinfo is None:
        since = since.replace(tzinfo=UTC)
    action, *rest = words or [""]
    ids = [found for word in rest if (found := number(word))]
    if action not in {"", REPLAY} or len(ids) < len(rest) or (rest and not action):
        _refuse("name nothing, or 'replay' and the ids of events.")
    if action and not (ids or failed or since):
        _refuse("say which events to replay: their ids, --failed or --since.")
    only = Wanted("failed" if failed else None, since=since)
    try:
        url = _database_url(home)
        asyncio.run(_replay(url, ids, failed, since) if action else _show(url, only, limit))
    except StoreRefused as refused:
        _refuse(str(refused))


async def _show(database_url: str, only: Wanted, limit: int) -> None:
    async with connected_database(database_url, application="onsale-webhooks") as pool:
        rows = await WebhookLog(Sale.over(pool)).page(Page(None, limit), only)
    table = Table(*_COLUMNS, box=None)
    for row in rows[:limit]:
        table.add_row(*(escape(cell) for cell in _cells(row)))
    Console(soft_wrap=True).print(table if rows else "Nothing was announced yet.")


def _cells(row: Any) -> list[str]:
    return [
        str(row["webhook_event_id"]),
        row["kind"],
        str(row["concert_booking_id"] or ""),
        str(row["concert_schedule_id"]),
        row["state"],
        str(row["attempts"]),
        row["last_error"] or str(row["last_status"] or ""),
        f"{row['created_at']:%Y-%m-%d %H:%M:%S}",
    ]


async def _replay(
    database_url: str, ids: Sequence[int], failed: bool, since: datetime | None
) -> None:
    async with connected_database(database_url, application="onsale-webhooks") as pool:
        found = await WebhookLog(Sale.over(pool)).replay(OURSELVES, ids, failed=failed, since=since)
    print(f"{len(found)} events will be sent again")
    if unknown := sorted(set(ids) - set(found)):
        _refuse(f"there are no events {', '.join(map(str, unknown))}.", 1)


def _database_url(home: Path) -> str:
    """Of the stack that runs in `home`, else of the environment. Raises StoreRefused."""
    stack = running_stack(home)
    found = os.environ.get("DATABASE_URL", "") if stack is None else str(stack["database_url"])
    if not found:
        raise StoreRefused(f"no stack runs in {home}; name its --home, or set DATABASE_URL.")
    return found


def _refuse(message: str, code: int = 2) -> None:
    Console(stderr=True, soft_wrap=True).print(f"onsale webhooks: {message}", style="red")
    raise typer.Exit(code)
