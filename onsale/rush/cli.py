"""The command line of `onsale rush`."""

import secrets
from collections.abc import Coroutine, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

VISITORS, SEATS = 500, 300
#: Of a crowd at scale: how many poll for real, for how long, over how many connections.
SAMPLE, SECONDS, CONNECTIONS = 30_000, 60, 64

_SCALE = "At scale"


class Join(StrEnum):
    """How a crowd at scale comes in line."""

    SCRIPT = "script"
    HTTP = "http"


def command(
    visitors: Annotated[
        int | None, typer.Option(min=1, help=f"How many come.  [default: {VISITORS}]")
    ] = None,
    seats: Annotated[
        int | None,
        typer.Option(
            min=1, max=100_000, help=f"Seats of the hall made.  [default: {SEATS}; more at scale]"
        ),
    ] = None,
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
    scale: Annotated[
        int | None,
        typer.Option(
            min=100,
            max=10_000_000,
            help="Put so many in line, a million if need be; a sample of them is real.",
            rich_help_panel=_SCALE,
        ),
    ] = None,
    seconds: Annotated[
        int | None,
        typer.Option(
            min=5,
            max=3600,
            help=f"How long the sample polls and the room admits.  [default: {SECONDS}]",
            rich_help_panel=_SCALE,
        ),
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=200_000,
            help=f"How many poll for real, at most.  [default: {SAMPLE:,}]",
            rich_help_panel=_SCALE,
        ),
    ] = None,
    admit: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=10_000,
            help="Let in each second; else what this machine also serves inside.",
            rich_help_panel=_SCALE,
        ),
    ] = None,
    join: Annotated[
        Join | None,
        typer.Option(
            help="In line by the gateway's own script, in bulk, or by a request each."
            "  [default: script]",
            rich_help_panel=_SCALE,
        ),
    ] = None,
) -> None:
    """Send a flash crowd of real HTTP clients at a sale, and check that it stayed sound."""
    chosen_seed = secrets.randbelow(1_000_000) if seed is None else seed
    if scale is None:
        only_at_scale = {"--seconds": seconds, "--sample": sample, "--admit": admit, "--join": join}
        _refuse(only_at_scale, "is for --scale only")
        if concert is not None and rehearse is not None:
            raise typer.BadParameter("A rehearsal sells a concert of its own; leave out --concert.")
        work = _rush(
            visitors, seats, patience, processes, concert, rehearse, chosen_seed, json, home
        )
    else:
        not_at_scale = {
            "--visitors": visitors,
            "--patience": patience,
            "--concert": concert,
            "--rehearse": rehearse,
        }
        _refuse(not_at_scale, "does not go with --scale")
        by_http = join is Join.HTTP
        size = (scale, seconds or SECONDS, sample or SAMPLE, admit)
        work = _rush_at_scale(size, seats, by_http, processes, chosen_seed, json, home)
    _run(work)


def _refuse(given: Mapping[str, object], why: str) -> None:
    for name, value in given.items():
        if value is not None:
            raise typer.BadParameter(f"{name} {why}.")


# What a crowd needs is loaded for a rush only, so that every other command starts quickly.
def _run(work: Coroutine[Any, Any, bool]) -> None:
    import uvloop

    from onsale.rush.run import Refused
    from onsale.stopping import Stopped, until_stopped

    try:
        sound = uvloop.run(until_stopped(work))
    except Stopped as stopped:
        typer.echo(f"onsale rush: stopped by {stopped}", err=True)
        raise typer.Exit(stopped.exit_code) from None
    except Refused as error:
        typer.echo(f"onsale rush: {error}", err=True)
        raise typer.Exit(2) from None
    raise typer.Exit(0 if sound else 1)


def _rush(
    visitors: int | None,
    seats: int | None,
    patience: float | None,
    processes: int | None,
    concert: int | None,
    rehearse: str | None,
    seed: int,
    json: Path | None,
    home: Path,
) -> Coroutine[Any, Any, bool]:
    from rich.console import Console

    from onsale.rush.box_office import fitting_patience_s
    from onsale.rush.clients import sensible_processes
    from onsale.rush.run import Options, rush

    visitors = visitors or VISITORS
    options = Options(
        visitors=visitors,
        seats=seats or SEATS,
        patience_s=fitting_patience_s(visitors) if patience is None else patience,
        processes=min(visitors, processes or sensible_processes(visitors)),
        concert_id=concert,
        rehearsed=rehearse,
        seed=seed,
        json_file=json,
        home=home,
    )
    return rush(options, Console(soft_wrap=True))


def _rush_at_scale(
    size: tuple[int, int, int, int | None],
    seats: int | None,
    by_http: bool,
    processes: int | None,
    seed: int,
    json: Path | None,
    home: Path,
) -> Coroutine[Any, Any, bool]:
    from rich.console import Console

    from onsale.rush.scale.plan import Plan
    from onsale.rush.scale.run import Options, rush_at_scale

    visitors, seconds, sample, admit = size
    try:
        plan = Plan.fitting(visitors, seconds, sample, admit)
    except ValueError as error:
        raise typer.BadParameter(f"{error}.") from None
    options = Options(
        plan=plan,
        sample=sample,
        seats=seats or plan.seats,
        over_http=by_http,
        # One polls as much as a service answers; the other cores are for the services.
        processes=min(plan.sample, processes or 1),
        connections=CONNECTIONS,
        seed=seed,
        json_file=json,
        home=home,
    )
    return rush_at_scale(options, Console(soft_wrap=True))
