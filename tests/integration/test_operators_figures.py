"""Sales figures and exports."""

import csv
import io
from typing import Any

import aiohttp
import pytest

from booking_api.exports import EXPORTS, MOST_AT_ONCE
from tests.booking_stack import BookingStack, Visitor
from tests.integration.operating import OPERATOR, Desk, concert_of


@pytest.fixture
def desk(booking: BookingStack) -> Desk:
    return Desk(booking)


async def sold(booking: BookingStack, schedule_id: int, *seats: str) -> tuple[Visitor, list[int]]:
    visitor = await booking.visitor(money="1000.00")
    paid = await booking.held(visitor, schedule_id, *seats)
    assert (await booking.pay(visitor, *paid)).status == 201
    return visitor, paid


async def lines(desk: Desk, path: str) -> list[dict[str, str]]:
    reply = await desk.ask("GET", path)
    assert reply.status == 200, reply.raw
    return list(csv.DictReader(io.StringIO(reply.raw.decode("utf-8"), newline="")))


async def test_a_dates_figures_by_day_and_band(booking: BookingStack, desk: Desk) -> None:
    schedule_id = await booking.date()
    await booking.pool.execute(
        "UPDATE concert_seat SET band = 'front', price = 80 WHERE seat_number = 'A-1'"
    )
    _, (front, first, second) = await sold(booking, schedule_id, "A-1", "A-2", "A-3")
    await booking.held(await booking.visitor(), schedule_id, "A-4")
    await booking.expire(*await booking.held(await booking.visitor(), schedule_id, "A-5"))
    await booking.pool.execute(
        "UPDATE payment SET created_at = '2030-01-01T23:59:00Z' WHERE concert_booking_id <> $1",
        second,
    )
    await booking.pool.execute(
        "UPDATE payment SET created_at = '2030-01-02T00:01:00Z' WHERE concert_booking_id = $1",
        second,
    )
    body = {"reason": "Illness", "refund_percent": 50}
    assert (await desk.post(f"bookings/{front}/cancellation", body)).status == 200
    await booking.pool.execute("UPDATE refund SET created_at = '2030-01-02T12:00:00Z'")

    found = await desk.get(f"schedules/{schedule_id}/sales")

    assert found == {
        "concert_schedule_id": schedule_id,
        "concert_id": await concert_of(booking, schedule_id),
        "currency": "USD",
        "seats": {"available": 7, "reserved": 1, "sold": 2, "total": 10},
        "takings": {
            "sold": 3,
            "canceled": 1,
            "gross": "180.00",
            "refunded": "40.00",
            "net": "140.00",
        },
        "days": [
            day("2030-01-02", "50.00", 1, 0, "50.00", "0.00", "50.00"),
            day("2030-01-02", "front", 0, 1, "0.00", "40.00", "-40.00"),
            day("2030-01-01", "50.00", 1, 0, "50.00", "0.00", "50.00"),
            day("2030-01-01", "front", 1, 0, "80.00", "0.00", "80.00"),
        ],
        "complete": True,
    }
    assert first != second


def day(date: str, band: str, sold: int, refunds: int, *money: str) -> dict[str, Any]:
    gross, refunded, net = money
    return {
        "day": date,
        "band": band,
        "sold": sold,
        "refunds": refunds,
        "gross": gross,
        "refunded": refunded,
        "net": net,
    }


async def test_a_concerts_figures_date_by_date(booking: BookingStack, desk: Desk) -> None:
    first = await booking.date()
    concert_id = await concert_of(booking, first)
    body = {"schedule_date": "2031-05-01T20:00:00Z"}
    made = await desk.post(f"concerts/{concert_id}/schedules", body)
    await sold(booking, first, "A-1", "A-2")
    await sold(booking, await booking.date(), "A-1")
    path = f"concerts/{concert_id}/sales"

    page = await desk.get(f"{path}?limit=1")
    rest = await desk.get(f"{path}?limit=1&cursor={page['next_cursor']}")

    assert page["takings"] == rest["takings"]
    assert (page["takings"]["sold"], page["takings"]["net"]) == (2, "100.00")
    assert [found["concert_schedule_id"] for found in (*page["items"], *rest["items"])] == [
        first,
        made.body["concert_schedule_id"],
    ]
    assert page["items"][0]["seats"] == {"available": 8, "reserved": 0, "sold": 2, "total": 10}
    assert rest["items"][0]["takings"]["gross"] == "0.00"
    assert rest["next_cursor"] is None


async def test_bookings_are_exported_with_what_was_paid(booking: BookingStack, desk: Desk) -> None:
    schedule_id = await booking.date()
    visitor, (paid, refunded) = await sold(booking, schedule_id, "A-1", "A-2")
    (held,) = await booking.held(await booking.visitor(), schedule_id, "A-3")
    await sold(booking, await booking.date(), "A-1")
    body = {"reason": "Illness"}
    assert (await desk.post(f"bookings/{refunded}/cancellation", body)).status == 200

    reply = await desk.ask("GET", f"schedules/{schedule_id}/bookings.csv")
    found = await lines(desk, f"schedules/{schedule_id}/bookings.csv")

    assert reply.headers["Content-Type"].startswith("text/csv")
    assert f"bookings-{schedule_id}.csv" in reply.headers["Content-Disposition"]
    assert reply.raw.endswith(b"\r\n")
    assert [line["concert_booking_id"] for line in found] == [str(paid), str(refunded), str(held)]
    assert [line["status"] for line in found] == ["CONFIRMED", "CANCELED", "PENDING"]
    first = found[0]
    assert (first["visitor"], first["seat_number"], first["row"], first["place"]) == (
        visitor.name,
        "A-1",
        "A",
        "1",
    )
    assert [(line["price"], line["paid"], line["refunded"]) for line in found] == [
        ("50.00", "50.00", "0.00"),
        ("50.00", "50.00", "50.00"),
        ("50.00", "", ""),
    ]


async def test_payments_are_exported_with_what_was_given_back(
    booking: BookingStack, desk: Desk
) -> None:
    schedule_id = await booking.date()
    _, (first, second) = await sold(booking, schedule_id, "A-1", "A-2")
    body = {"reason": "Rain, and mud", "refund_percent": 10}
    assert (await desk.post(f"bookings/{first}/cancellation", body)).status == 200

    found = await lines(desk, f"schedules/{schedule_id}/payments.csv")

    assert [
        (line["concert_booking_id"], line["kind"], line["amount"], line["reason"]) for line in found
    ] == [
        (str(first), "PAYMENT", "50.00", ""),
        (str(first), "REFUND", "-5.00", "Rain, and mud"),
        (str(second), "PAYMENT", "50.00", ""),
    ]
    assert {line["currency"] for line in found} == {"USD"}


async def test_an_export_comes_page_by_page(
    booking: BookingStack, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(booking.app[EXPORTS], "_page", 2)
    schedule_id = await booking.date()
    for seats in (("A-1", "A-2", "A-3"), ("A-4", "A-5")):
        await sold(booking, schedule_id, *seats)

    for what in ("bookings", "payments"):
        found = await lines(desk, f"schedules/{schedule_id}/{what}.csv")
        assert [line["seat_number"] for line in found] == [f"A-{n}" for n in range(1, 6)]
    empty = await lines(desk, f"schedules/{await booking.date()}/bookings.csv")
    assert empty == []


async def test_no_text_of_others_becomes_a_formula(booking: BookingStack, desk: Desk) -> None:
    schedule_id = await booking.date()
    names = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", '=HYPERLINK("http://x";"y")']
    for number, name in enumerate(names, 1):
        await booking.held(await booking.visitor(name=name), schedule_id, f"A-{number}")

    found = await lines(desk, f"schedules/{schedule_id}/bookings.csv")

    for name, line in zip(names, found, strict=True):
        assert (line["visitor"], line["user_name"]) == (f"'{name}", f"'{name}")


async def test_text_with_commas_quotes_and_ends_of_line_stays_one_field(
    booking: BookingStack, desk: Desk
) -> None:
    schedule_id = await booking.date()
    name = 'a "b", c\r\nd\ne'
    await booking.held(await booking.visitor(name=name), schedule_id, "A-1")

    (line,) = await lines(desk, f"schedules/{schedule_id}/bookings.csv")

    assert line["visitor"] == name


async def test_exports_at_once_are_bounded(
    booking: BookingStack, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"schedules/{await booking.date()}/bookings.csv"
    monkeypatch.setattr(booking.app[EXPORTS], "open", MOST_AT_ONCE)

    refused = await desk.ask("GET", path)

    assert (refused.status, refused.code) == (429, "too_many_requests")
    assert refused.headers["Retry-After"] == "5"
    monkeypatch.undo()
    for _ in range(MOST_AT_ONCE + 1):
        assert (await desk.ask("GET", path)).status == 200
    assert booking.app[EXPORTS].open == 0


async def test_an_export_that_breaks_off_is_not_taken_for_a_whole_one(
    booking: BookingStack, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule_id = await booking.date()
    await sold(booking, schedule_id, "A-1", "A-2")
    exports = booking.app[EXPORTS]
    monkeypatch.setattr(exports, "_page", 1)
    monkeypatch.setattr(exports, "_booking", lambda row: row["nothing"])

    with pytest.raises(aiohttp.ClientError):
        await desk.ask("GET", f"schedules/{schedule_id}/bookings.csv")

    assert exports.open == 0


async def test_the_head_of_an_export_has_no_body(booking: BookingStack, desk: Desk) -> None:
    path = f"/v1/admin/schedules/{await booking.date()}/bookings.csv"

    reply = await booking.ask("HEAD", path, headers=OPERATOR)

    assert (reply.status, reply.raw) == (200, b"")
