"""Operators fill the catalogue over HTTP."""

from typing import Any

from tests.booking_stack import ADMIN_KEY, ROOM, BookingStack, Reply


async def post(booking: BookingStack, path: str, body: Any) -> Reply:
    headers = {"Authorization": f"Bearer {ADMIN_KEY}"}
    return await booking.ask("POST", f"/v1/admin/{path}", body=body, headers=headers)


async def test_a_concert_a_date_and_a_hall(booking: BookingStack) -> None:
    await booking.room()
    visitor = await booking.visitor()

    concert = await post(booking, "concerts", {"concert_name": "Nina Simone", "room_id": ROOM})
    concert_id = concert.body["concert_id"]
    date = await post(
        booking,
        f"concerts/{concert_id}/schedules",
        {
            "schedule_date": "2031-05-01T20:00:00+02:00",
            "hold_ttl_s": 60,
            "max_seats_per_user": 2,
        },
    )
    schedule_id = date.body["concert_schedule_id"]
    hall = [{"seat_number": f"FLOOR-A-{n}", "price": "75.00"} for n in range(1, 5001)]
    seats = await post(booking, f"schedules/{schedule_id}/seats", {"seats": hall})

    assert concert.body == {
        "concert_id": concert_id,
        "concert_name": "Nina Simone",
        "room_id": ROOM,
    }
    assert date.body == {
        "concert_schedule_id": schedule_id,
        "concert_id": concert_id,
        "schedule_date": "2031-05-01T18:00:00.000Z",
        "seats_available": 0,
        "hold_ttl_s": 60,
        "max_seats_per_user": 2,
    }
    assert (seats.status, seats.body) == (201, {"seats_added": 5000})
    found = (await booking.seats(visitor, schedule_id))["seats"]
    assert [seat["seat_number"] for seat in found] == [seat["seat_number"] for seat in hall]
    reply = await booking.hold(visitor, schedule_id, "FLOOR-A-1", "FLOOR-A-2", "FLOOR-A-3")
    assert (reply.code, reply.body["limit"]) == ("limit_exceeded", 2)
    await booking.assert_sound()


async def test_more_seats_of_a_date_show_as_changes(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    version = (await booking.seats(visitor, schedule_id))["version"]

    body = {"seats": [{"seat_number": "B-1", "price": "0.00"}]}
    assert (await post(booking, f"schedules/{schedule_id}/seats", body)).status == 201

    changes = await booking.seats(visitor, schedule_id, version)
    assert [s["seat_number"] for s in changes["seats"]] == ["B-1"]
    (free,) = await booking.held(visitor, schedule_id, "B-1")
    assert (await booking.pay(visitor, free)).body["total"] == "0.00"
    await booking.assert_sound()


async def test_a_concert_off_sale_is_neither_shown_nor_sold_and_what_was_sold_stays(
    booking: BookingStack,
) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor(money="100.00")
    (held,) = await booking.held(visitor, schedule_id, "A-1")
    (concert,) = (await booking.ask("GET", "/v1/concerts", visitor)).body["items"]
    path = f"/v1/admin/concerts/{concert['concert_id']}"
    key = {"Authorization": f"Bearer {ADMIN_KEY}"}

    for _ in range(2):
        assert (await booking.ask("DELETE", path, headers=key)).status == 204

    assert (await booking.ask("GET", "/v1/concerts", visitor)).body["items"] == []
    refused = await booking.hold(visitor, schedule_id, "A-2")
    assert (refused.status, refused.code) == (404, "not_found")
    body = {"concert_booking_ids": [held]}
    paid = await booking.ask("POST", "/v1/payments", visitor, key="pay", body=body)
    assert paid.status == 201
    assert (await booking.ask("DELETE", "/v1/admin/concerts/999", headers=key)).status == 404
    await booking.assert_sound()
