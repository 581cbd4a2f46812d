"""At the door: each ticket admits once, whoever asks and however often."""

import asyncio
import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from booking_api.ticket_codes import Ticket, TicketCodes
from booking_api.tickets import Tickets
from tests.booking_stack import ADMIN_KEY, TICKET_KEY, BookingStack, Reply
from tests.integration.moments import SEAT, blocked, somebody
from tests.integration.test_tickets import bought

OPERATOR = {"Authorization": f"Bearer {ADMIN_KEY}"}
CODES = TicketCodes((TICKET_KEY,))
EARLIER = "2026-01-01T19:30:00.123Z"
LATER = "2026-01-01T19:45:00.000Z"


async def check_in(booking: BookingStack, body: Any) -> Reply:
    return await booking.ask("POST", "/v1/admin/checkins", body=body, headers=OPERATOR)


async def code(booking: BookingStack, booking_id: int) -> str:
    """The code of a booking's ticket, as its row says."""
    row = await booking.pool.fetchrow(
        "SELECT b.concert_schedule_id, s.seat_number FROM concert_booking b"
        " JOIN concert_seat s USING (concert_seat_id) WHERE b.concert_booking_id = $1",
        booking_id,
    )
    return CODES.sign(Ticket(booking_id, row["concert_schedule_id"], row["seat_number"]))


async def used(booking: BookingStack) -> list[tuple[int, str]]:
    rows = await booking.pool.fetch("SELECT concert_booking_id, gate FROM checkin ORDER BY 1")
    return [tuple(row) for row in rows]


async def test_a_ticket_admits_once_and_says_when_it_was_used(booking: BookingStack) -> None:
    schedule_id, visitor, (booking_id,) = await bought(booking, "A-3")
    shown = await booking.ask("GET", f"/v1/bookings/{booking_id}/ticket", visitor)
    ticket = {"code": shown.body["code"], "gate": "North"}

    first, second = await check_in(booking, ticket), await check_in(booking, ticket)

    assert first.status == 201
    assert first.body | {"used_at": ""} == {
        "concert_booking_id": booking_id,
        "concert_schedule_id": schedule_id,
        "seat_number": "A-3",
        "gate": "North",
        "used_at": "",
    }
    assert (second.status, second.code) == (409, "ticket_used")
    assert (second.body["used_at"], second.body["gate"]) == (first.body["used_at"], "North")
    now = await booking.ask("GET", f"/v1/bookings/{booking_id}/ticket", visitor)
    assert (now.body["state"], now.body["used_at"]) == ("used", first.body["used_at"])


async def test_of_twenty_devices_at_once_one_admits(booking: BookingStack) -> None:
    _, _, (booking_id,) = await bought(booking)
    ticket = await code(booking, booking_id)

    replies = await asyncio.gather(
        *(check_in(booking, {"code": ticket, "gate": f"gate {n}"}) for n in range(20))
    )

    (admitted,) = [reply for reply in replies if reply.status == 201]
    others = [reply for reply in replies if reply is not admitted]
    assert {(reply.status, reply.code) for reply in others} == {(409, "ticket_used")}
    assert {reply.body["gate"] for reply in others} == {admitted.body["gate"]}
    assert len(await used(booking)) == 1


async def test_a_canceled_booking_admits_nobody(booking: BookingStack) -> None:
    _, visitor, (booking_id,) = await bought(booking)
    await booking.pool.execute("UPDATE concert SET refund_percent = 100")
    ticket = await code(booking, booking_id)
    assert (await booking.ask("DELETE", f"/v1/bookings/{booking_id}", visitor)).status == 204

    refused = await check_in(booking, {"code": ticket})

    assert (refused.status, refused.code) == (409, "ticket_void")
    assert await used(booking) == []


async def test_a_date_that_does_not_take_place_admits_nobody(booking: BookingStack) -> None:
    _, _, (booking_id,) = await bought(booking)
    await booking.pool.execute("UPDATE concert_schedule SET state = 'canceled'")

    refused = await check_in(booking, {"code": await code(booking, booking_id)})

    assert (refused.status, refused.code) == (409, "ticket_void")
    assert await used(booking) == []


async def test_who_is_in_gets_no_money_back(booking: BookingStack) -> None:
    _, visitor, (booking_id,) = await bought(booking)
    await booking.pool.execute("UPDATE concert SET refund_percent = 100")
    assert (await check_in(booking, {"code": await code(booking, booking_id)})).status == 201

    refused = await booking.ask("DELETE", f"/v1/bookings/{booking_id}", visitor)

    assert (refused.status, refused.code) == (403, "forbidden")


async def test_a_ticket_that_is_being_given_back_is_judged_afterwards(
    booking: BookingStack,
) -> None:
    """The seat's lock decides between a refund and a check-in of one moment."""
    _, _, (booking_id,) = await bought(booking)
    ticket = {"code": await code(booking, booking_id)}
    async with somebody(booking, SEAT.format("A-1")) as refund:
        entering = asyncio.ensure_future(check_in(booking, ticket))
        await blocked(booking)
        await refund.execute("SELECT let_go($1, 'refunded', now())", [booking_id])

    refused = await entering
    assert (refused.status, refused.code) == (409, "ticket_void")
    assert await used(booking) == []


async def test_what_we_did_not_sign_or_do_not_know_is_told_apart(booking: BookingStack) -> None:
    schedule_id, _, (booking_id,) = await bought(booking, "A-1")
    genuine = await code(booking, booking_id)
    for forged in ("garbage", genuine[:-4] + "AAAA", genuine.replace("OT1", "OT2")):
        refused = await check_in(booking, {"code": forged})
        assert (refused.status, refused.code) == (422, "ticket_invalid")
        assert forged not in refused.raw.decode()
    for unknown in (
        Ticket(booking_id + 1000, schedule_id, "A-1"),
        Ticket(booking_id, schedule_id + 1000, "A-1"),
        Ticket(booking_id, schedule_id, "A-2"),
    ):
        refused = await check_in(booking, {"code": CODES.sign(unknown)})
        assert (refused.status, refused.code) == (404, "not_found")
    assert await used(booking) == []


async def test_a_door_refuses_tickets_of_another_date_and_leaves_them_unused(
    booking: BookingStack,
) -> None:
    schedule_id, _, (booking_id,) = await bought(booking)
    ticket = await code(booking, booking_id)

    refused = await check_in(booking, {"code": ticket, "concert_schedule_id": schedule_id + 1})

    assert (refused.status, refused.code) == (409, "ticket_other_date")
    assert refused.body["concert_schedule_id"] == schedule_id
    admitted = await check_in(booking, {"code": ticket, "concert_schedule_id": schedule_id})
    assert admitted.status == 201


async def test_devices_that_were_offline_tell_all_at_once(booking: BookingStack) -> None:
    _, visitor, ids = await bought(booking, "A-1", "A-2", "A-3", "A-4")
    first, second, third, gone = [await code(booking, one) for one in ids]
    await booking.pool.execute("UPDATE concert SET refund_percent = 100")
    assert (await booking.ask("DELETE", f"/v1/bookings/{ids[3]}", visitor)).status == 204
    assert (await check_in(booking, {"code": third, "gate": "Main"})).status == 201
    items = [
        {"code": first, "used_at": LATER, "gate": "North"},
        {"code": "forged", "used_at": LATER},
        {"code": second, "used_at": EARLIER, "gate": "North"},
        {"code": first, "used_at": EARLIER, "gate": "South"},
        {"code": third, "used_at": EARLIER, "gate": "North"},
        {"code": gone, "used_at": EARLIER},
    ]

    for _ in range(2):  # a device repeats what it is not sure of
        reply = await check_in(booking, {"checkins": items})

        assert reply.status == 200
        found = reply.body["items"]
        assert [one["outcome"] for one in found] == [
            "admitted",
            "ticket_invalid",
            "admitted",
            "ticket_used",
            "ticket_used",
            "ticket_void",
        ]
        assert (found[0]["used_at"], found[2]["used_at"]) == (LATER, EARLIER)
        assert (found[3]["used_at"], found[3]["gate"]) == (LATER, "North")
        assert (found[4]["gate"], found[4]["seat_number"]) == ("Main", "A-3")
        assert await used(booking) == [(ids[0], "North"), (ids[1], "North"), (ids[2], "Main")]


async def test_another_door_of_the_same_moment_is_another_use(booking: BookingStack) -> None:
    _, _, (booking_id,) = await bought(booking)
    ticket = {"code": await code(booking, booking_id), "used_at": EARLIER, "gate": "North"}

    assert (await check_in(booking, ticket)).status == 201
    assert (await check_in(booking, ticket)).status == 201
    for other in ({"gate": "South"}, {"used_at": LATER}):
        assert (await check_in(booking, {**ticket, **other})).code == "ticket_used"


async def test_two_devices_with_the_same_tickets_in_another_order_both_end(
    booking: BookingStack,
) -> None:
    _, _, ids = await bought(booking, "A-1", "A-2", "A-3", "A-4")
    codes = [await code(booking, one) for one in ids]

    def told(gate: str, order: list[str]) -> Any:
        items = [{"code": one, "used_at": EARLIER, "gate": gate} for one in order]
        return check_in(booking, {"checkins": items})

    replies = await asyncio.gather(
        *(told(f"gate {n}", codes if n % 2 else codes[::-1]) for n in range(8))
    )

    assert {reply.status for reply in replies} == {200}
    outcomes = [item["outcome"] for reply in replies for item in reply.body["items"]]
    assert outcomes.count("admitted") == len(ids)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"code": "x", "checkins": [{"code": "x", "used_at": EARLIER}]},
        {"checkins": [{"code": "x", "used_at": EARLIER}], "gate": "North"},
        {"checkins": []},
        {"checkins": [{"code": "x"}]},
        {"code": ""},
        {"code": "x", "gate": "a\x00b"},
        {"code": "x", "used_at": "2026-01-01T19:30:00"},
        {"code": "x", "used_at": "1026-01-01T19:30:00Z"},
        {"code": "x", "more": 1},
    ],
)
async def test_what_is_no_reading_is_refused(booking: BookingStack, body: Any) -> None:
    refused = await check_in(booking, body)

    assert (refused.status, refused.code) == (422, "validation_failed")


async def test_a_time_to_come_is_no_time_of_a_check_in(booking: BookingStack) -> None:
    _, _, (booking_id,) = await bought(booking)
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    body = {"code": await code(booking, booking_id), "used_at": soon}

    assert (await check_in(booking, body)).code == "validation_failed"


async def test_the_list_for_a_door_says_which_tickets_are_good(
    booking: BookingStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("booking_api.tickets.BATCH", 2)
    schedule_id, visitor, ids = await bought(booking, "A-1", "A-2", "A-3", "A-4")
    await booking.held(await booking.visitor(), schedule_id, "A-9")
    await booking.pool.execute("UPDATE concert SET refund_percent = 100")
    assert (await booking.ask("DELETE", f"/v1/bookings/{ids[1]}", visitor)).status == 204
    entered = await check_in(booking, {"code": await code(booking, ids[2]), "gate": "North, 2"})
    path = f"/v1/admin/schedules/{schedule_id}/tickets"

    listed = await booking.ask("GET", path, headers=OPERATOR)
    table = await booking.ask("GET", f"{path}.csv", headers=OPERATOR)

    assert listed.body["keys"] == CODES.jwks()["keys"]
    tickets = listed.body["tickets"]
    assert [(one["concert_booking_id"], one["state"]) for one in tickets] == [
        (ids[0], "valid"),
        (ids[1], "void"),
        (ids[2], "used"),
        (ids[3], "valid"),
    ]
    assert tickets[2]["used_at"] == entered.body["used_at"]
    rows = list(csv.DictReader(io.StringIO(table.raw.decode())))
    assert rows == [
        {name: "" if value is None else str(value) for name, value in one.items()}
        for one in tickets
    ]
    empty = f"/v1/admin/schedules/{await booking.date()}/tickets"
    assert (await booking.ask("GET", empty, headers=OPERATOR)).body["tickets"] == []
    unknown = f"/v1/admin/schedules/{2**62}/tickets"
    for refused in (unknown, f"{unknown}.csv"):
        assert (await booking.ask("GET", refused, headers=OPERATOR)).status == 404


async def test_a_list_that_breaks_is_not_taken_for_a_whole_one(
    booking: BookingStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule_id, _, _ = await bought(booking)
    whole = Tickets._batches

    async def breaking(self: Tickets, of: int) -> Any:
        async for rows in whole(self, of):
            yield rows
        raise OSError

    monkeypatch.setattr(Tickets, "_batches", breaking)
    for form in ("tickets", "tickets.csv"):
        with pytest.raises(aiohttp.ClientError):
            await booking.ask("GET", f"/v1/admin/schedules/{schedule_id}/{form}", headers=OPERATOR)


async def test_only_operators_who_may_write_let_people_in(booking: BookingStack) -> None:
    _, visitor, (booking_id,) = await bought(booking)
    body = {"code": await code(booking, booking_id)}

    refused = await booking.ask("POST", "/v1/admin/checkins", visitor, body=body)

    assert (refused.status, refused.code) == (401, "identity_invalid")
    assert await used(booking) == []
