"""What `onsale up` says when it is ready: where things are, and what to try next."""

import asyncpg
from rich.console import Console
from rich.markup import escape

from onsale.stack import Stack


async def welcome(stack: Stack) -> None:
    """Print the table and lines that work when pasted into a shell.

    Each is one line, however narrow the terminal: what is wrapped does not paste.
    """
    console = Console(highlight=False)
    console.print("[bold green]Onsale is up.[/]")
    rows = {
        "Gateway": stack.gateway_url,
        "Booking API": stack.booking_url,
        **({"Payments": stack.provider_url} if stack.provider_url else {}),
        "Admin key": stack.admin_key_file,
        "Data, logs": stack.home.path,
    }
    for name, value in rows.items():
        console.print(f"  [bold]{name:<11}[/]  {escape(str(value))}", soft_wrap=True)
    lines = attempts(stack.gateway_url, stack.booking_url, await _first_room(stack), stack.demo)
    if lines:
        console.print("[bold]Try, in another terminal:[/]")
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)
    console.print("Ctrl-C stops everything; the data stays.")


def attempts(gateway_url: str, booking_url: str, room: str | None, demo: bool) -> list[str]:
    """Shell lines: sign up, join the line, look at the room. Need curl and sed only."""
    if room is None:
        return []
    look = f"curl -s {gateway_url}/v1/rooms/{room}"
    if not demo:
        return [look]
    pick = r"""sed 's/.*"identity_token": *"\([^"]*\)".*/\1/'"""
    sign_up = (
        f"ME=$(curl -s {booking_url}/v1/users -H 'Content-Type: application/json'"
        f""" -d '{{"user_name": "Ada"}}' | {pick}); echo $ME"""
    )
    join = f'curl -s -X POST {gateway_url}/v1/rooms/{room}/token -H "Authorization: Bearer $ME"'
    return [sign_up, join, look]


async def _first_room(stack: Stack) -> str | None:
    """A room to try: that of the first concert."""
    connection = await asyncpg.connect(stack.database_url, timeout=5)
    try:
        room: str | None = await connection.fetchval(
            "SELECT room_id FROM concert ORDER BY concert_id LIMIT 1"
        )
    finally:
        await connection.close()
    return room
