"""`onsale webhooks`: what was told, and telling it once more."""

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner

from onsale.__main__ import application
from tests.booking_stack import BookingStack
from tests.integration.test_tickets import bought
from tests.integration.test_webhooks import logged


@pytest.fixture
def nowhere(tmp_path: Path, database_url: str) -> dict[str, str]:
    """The environment of somebody without a running stack."""
    return {"ONSALE_HOME": str(tmp_path), "DATABASE_URL": database_url, "COLUMNS": "200"}


async def onsale(environment: dict[str, str], *words: str) -> tuple[int, str]:
    """The exit code and what was printed; in a thread, as it runs a loop of its own."""
    found = await asyncio.to_thread(
        CliRunner().invoke, application, ["webhooks", *words], env=environment
    )
    return found.exit_code, found.output


async def fail(booking: BookingStack, event_id: int) -> None:
    await booking.pool.execute(
        "UPDATE webhook_event SET next_attempt_at = NULL, attempts = 84, last_error = 'HTTP 500'"
        " WHERE webhook_event_id = $1",
        event_id,
    )


async def test_it_shows_the_newest_and_what_failed(
    booking: BookingStack, nowhere: dict[str, str]
) -> None:
    assert "Nothing was announced yet." in (await onsale(nowhere))[1]
    _, _, (first, _) = await bought(booking, "A-1", "A-2")
    events = await logged(booking)
    await fail(booking, events[1]["event_id"])

    code, shown = await onsale(nowhere)
    assert code == 0
    assert [line.split()[0] for line in shown.splitlines()[1:]] == [
        str(event["event_id"]) for event in events
    ]
    _, failed = await onsale(nowhere, "--failed")
    (line,) = failed.splitlines()[1:]
    assert line.split()[:6] == [
        str(events[1]["event_id"]),
        "booking.confirmed",
        str(first),
        str(events[1]["concert_schedule_id"]),
        "failed",
        "84",
    ]
    assert "HTTP 500" in line


async def test_it_sends_again_what_it_is_told_to(
    booking: BookingStack, nowhere: dict[str, str]
) -> None:
    await bought(booking, "A-1", "A-2", "A-3")
    ids = sorted(event["event_id"] for event in await logged(booking))
    for event_id in ids:
        await fail(booking, event_id)

    async def pending() -> list[int]:
        return sorted(event["event_id"] for event in await logged(booking, "?state=pending"))

    assert await onsale(nowhere, "replay", str(ids[1])) == (0, "1 events will be sent again\n")
    assert await pending() == [ids[1]]
    assert (await onsale(nowhere, "replay", "--failed"))[1] == "2 events will be sent again\n"
    assert await pending() == ids
    assert (await onsale(nowhere, "replay", "--since", "2020-01-01"))[1].startswith("3 events")
    assert (await onsale(nowhere, "replay", "--since", "2999-01-01"))[1].startswith("0 events")
    code, said = await onsale(nowhere, "replay", str(ids[0]), str(2**62))
    assert (code, "there are no events" in said) == (1, True)
    kept = await booking.pool.fetch("SELECT DISTINCT operator FROM audit WHERE action LIKE 'web%'")
    assert [row[0] for row in kept] == ["onsale"]


@pytest.mark.parametrize(
    "words", [["replay"], ["send"], ["replay", "x"], ["replay", "-1"], ["12"]], ids=" ".join
)
async def test_what_makes_no_sense_is_refused(nowhere: dict[str, str], words: list[str]) -> None:
    code, said = await onsale(nowhere, *words)

    assert code == 2
    assert said


async def test_without_a_stack_or_a_database_it_says_so(tmp_path: Path) -> None:
    code, said = await onsale({"ONSALE_HOME": str(tmp_path), "DATABASE_URL": ""})

    assert (code, "DATABASE_URL" in said) == (2, True)
