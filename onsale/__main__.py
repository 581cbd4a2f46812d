"""The command line `onsale`. A command's module is loaded when that command is called."""

import importlib
from typing import Any

import typer
from typer.core import TyperGroup

#: Command -> where its function `command` lives.
COMMANDS = {
    "up": "onsale.up",
    "migrate": "onsale.migrate",
    "rush": "onsale.rush",
    "verify": "onsale.verify",
    "hall": "onsale.hall",
    "webhooks": "onsale.webhooks",
    "export": "onsale.export",
}


class _Commands(TyperGroup):
    """Finds commands by name: what one of them needs does not slow down the others."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        found = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        found.command(cmd_name)(importlib.import_module(COMMANDS[cmd_name]).command)
        return typer.main.get_command(found)


application = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@application.callback()
def onsale() -> None:
    """A fair waiting room and a seat sale that sells each seat once."""


def main() -> None:
    application()


if __name__ == "__main__":
    main()
