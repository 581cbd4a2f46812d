"""The command `onsale hall`: a hall's seats from a file to a date that is on sale."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

#: By the file's name.
MEDIA_TYPES = {".csv": "text/csv", ".json": "application/json"}
PIECE = 64 * 1024
#: For the whole upload: more than the service takes for the largest hall.
DEADLINE_S = 180.0


class HallRefused(Exception):
    """The hall was not taken; the message says why."""


def command(
    file: Annotated[
        Path,
        typer.Argument(
            exists=True,
            dir_okay=False,
            readable=True,
            help="A table (.csv: seat_number,price[,section,row,place,band]) or .json, as"
            " POST /v1/admin/schedules/{id}/seats takes it; the best seat first.",
        ),
    ],
    schedule: Annotated[int, typer.Option(min=1, help="The date: its concert_schedule_id.")],
    home: Annotated[
        Path, typer.Option(envvar="ONSALE_HOME", help="Folder of the running stack.")
    ] = Path(".onsale"),
) -> None:
    """Add the seats of a hall to a date, all or none."""
    from rich.console import Console
    from rich.markup import escape

    media_type = MEDIA_TYPES.get(file.suffix.lower())
    if media_type is None:
        raise typer.BadParameter(f"{file.name} is neither .csv nor .json.")
    console = Console(stderr=True, soft_wrap=True)
    try:
        target = _target(home)
        url = f"{target.booking_url}/v1/admin/schedules/{schedule}/seats"
        added = asyncio.run(upload(url, target.admin_key, file, media_type, console))
    except (HallRefused, OSError) as refused:
        console.print(f"onsale hall: {escape(str(refused))}", style="red")
        raise typer.Exit(1) from None
    Console(soft_wrap=True).print(f"{added:,} seats added to date {schedule}.")


def _target(home: Path) -> Any:
    from onsale.rush.target import running

    target = running(home)
    if target is None:
        raise HallRefused(
            f"no stack runs in {home}; start one with 'onsale up', or name its --home."
        )
    return target


async def upload(url: str, key: str, file: Path, media_type: str, console: Any) -> int:
    """Send the file, with a bar in a terminal; how many seats it had. Raises HallRefused."""
    import aiohttp

    headers = {"Authorization": f"Bearer {key}", "Content-Type": media_type}
    timeout = aiohttp.ClientTimeout(total=DEADLINE_S)
    with _shown(file, console) as advance:
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(url, data=_pieces(file, advance), headers=headers) as answer,
            ):
                said = await answer.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise HallRefused(
                f"the booking API does not answer ({type(error).__name__})."
            ) from None
    if answer.status != 201:
        raise HallRefused(str(said.get("detail", answer.status)))
    return int(said["seats_added"])


async def _pieces(file: Path, advance: Any) -> AsyncIterator[bytes]:
    with file.open("rb") as opened:
        while piece := await asyncio.to_thread(opened.read, PIECE):
            yield piece
            advance(len(piece))


@contextmanager
def _shown(file: Path, console: Any) -> Any:
    """A bar of what was sent, and that the seats are being added after that."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

    total = file.stat().st_size
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("sending", total=total)
        sent = 0

        def advance(size: int) -> None:
            nonlocal sent
            sent += size
            bar.update(task, advance=size)
            if sent >= total:
                bar.update(task, description="adding the seats", total=None)

        yield advance
