"""The command line of `onsale rush`."""

import secrets
from pathlib import Path
from typing import Annotated

import typer


def command(
    visitors: Annotated[int, typer.Option(min=1, help="How many come.")] = 500,
    seats: Annotated[int, typer.Option(min=1, max=100_000, help="Seats of the hall made.")] = 300,
    patience: Annotated[
        float | None,
        typer.Option(
            min=1, help="Seconds until a visitor gives up; else a minute, more for a big crowd."
        ),
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option(
            min=1, max=64, help="Client processes; else by the visitors and this machine's cores."
        ),
    ] = None,
    concert: Annotated[
        int | None, typer.Option(min=1, help="Rush for this concert instead of a new one.")
    ] = None,
    rehearse: Annotated[
        str | None,
        typer.Option(
            metavar="room_id",
            help="Rush through this room, while nobody is in it, and leave nothing of it behind.",
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Draw the same crowd again; else a new one.")
    ] = None,
    json: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write the report to this file too.")
    ] = None,
    home: Annotated[
        Path, typer.Option(envvar="ONSALE_HOME", help="Where a running stack is looked for.")
    ] = Path(".onsale"),
) -> None:
    """Send a flash crowd of real HTTP clients at a sale, and check that it stayed sound."""
    # What a crowd needs is loaded for a rush only, so that every other command starts quickly.
    import uvloop
    from rich.console import Console

    from onsale.rush.box_office import fitting_patience_s
    from onsale.rush.clients import sensible_processes
    from onsale.rush.run import Options, Refused, rush
    from onsale.stopping import Stopped, until_stopped

    if concert is not None and rehearse is not None:
        raise typer.BadParameter("A rehearsal sells a concert of its own; leave out --concert.")
    options = Options(
        visitors=visitors,
        seats=seats,
        patience_s=fitting_patience_s(visitors) if patience is None else patience,
        processes=min(visitors, processes or sensible_processes(visitors)),
        concert_id=concert,
        rehearsed=rehearse,
        seed=secrets.randbelow(1_000_000) if seed is None else seed,
        json_file=json,
        home=home,
    )
    try:
        sound = uvloop.run(until_stopped(rush(options, Console(soft_wrap=True))))
    except Stopped as stopped:
        typer.echo(f"onsale rush: stopped by {stopped}", err=True)
        raise typer.Exit(stopped.exit_code) from None
    except Refused as error:
        typer.echo(f"onsale rush: {error}", err=True)
        raise typer.Exit(2) from None
    raise typer.Exit(0 if sound else 1)
