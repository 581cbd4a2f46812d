"""The command line `onsale`. Each command loads what it needs when it is called."""

import importlib
import importlib.util

import typer

#: Command -> where its function `command` lives.
_COMMANDS = {
    "up": "onsale.up",
    "migrate": "onsale.migrate",
    "rush": "onsale.rush",
    "verify": "onsale.verify",
}


def application() -> typer.Typer:
    """The application with every command."""
    found = typer.Typer(
        help="A fair waiting room and a seat sale that sells each seat once.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    for name, module in _COMMANDS.items():
        if importlib.util.find_spec(module):
            loaded = importlib.import_module(module)
            if hasattr(loaded, "command"):
                found.command(name)(loaded.command)
    return found


def main() -> None:
    application()()


if __name__ == "__main__":
    main()
