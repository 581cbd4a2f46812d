"""`onsale migrate`: bring a database up to date, and fill an empty one if asked to."""

import asyncio
import os
import sys
from typing import Annotated

import typer


def command(
    seed: Annotated[
        bool, typer.Option("--seed", help="Fill an empty database with an example catalogue.")
    ] = False,
) -> None:
    """Bring the schema of DATABASE_URL up to date; --seed needs REDIS_URL too."""
    # Not for every command: these take longer to load than most commands to run.
    import asyncpg

    from booking_api.migrate import migrate
    from shared.stores import StoreRefused

    needed = ("DATABASE_URL", "REDIS_URL") if seed else ("DATABASE_URL",)
    for variable in needed:
        if not os.environ.get(variable, "").strip():
            _refuse(f"{variable} is not set.", 2)
    try:
        migrate(os.environ["DATABASE_URL"])
        if seed:
            from onsale.seed import seed as fill

            asyncio.run(fill(os.environ["DATABASE_URL"], os.environ["REDIS_URL"]))
    except StoreRefused as error:
        _refuse(str(error), 3)
    except asyncpg.PostgresError as error:
        _refuse(f"PostgreSQL refuses the migration: {error.args[0]}", 1)


def _refuse(message: str, code: int) -> None:
    print(f"onsale migrate: {message}", file=sys.stderr)
    raise typer.Exit(code)
