"""Compact seat maps say the same as full ones, in a fraction of the bytes."""

from typing import Any

from booking_api.seat_maps import LEAST_GZIPPED
from booking_api.where import Where
from tests import seat_maps
from tests.booking_stack import BookingStack, Visitor
from tests.seat_maps import of_compact, of_full


async def compact(
    booking: BookingStack, visitor: Visitor, schedule_id: int, since: int | None = None
) -> Any:
    """The body of a compact seat map, or of the changes since a version."""
    more = "" if since is None else f"&since={since}"
    path = f"/v1/schedules/{schedule_id}/seats?view=compact{more}"
    reply = await booking.ask("GET", path, visitor)
    assert reply.status == 200, reply.raw
    return reply.body


async def test_a_compact_map_says_what_the_full_one_says(booking: BookingStack) -> None:
    numbers = [
        *("BALCONY-B-2", "BALCONY-B-1", "A-1", "A-2", "A-3", "A-5"),
        *("STANDING", "GUEST", "VIP-7", "BALCONY-BOX", "A-04"),
    ]
    schedule_id = await booking.date(numbers)
    await booking.catalogue.add_seats(
        schedule_id,
        ["X", "Y", "Z"],
        [5, 5, 7],  # type: ignore[list-item]
        Where(["Left", "", "Left"], ["1", None, "1"], [2, None, 1], ["Best", None, "Best"]),
    )
    visitor = await booking.visitor(money="100.00")
    (paid,) = await booking.held(visitor, schedule_id, "A-2")
    await booking.pay(visitor, paid)
    visitor = await booking.visitor()
    await booking.held(visitor, schedule_id, "X", "GUEST")

    found = await compact(booking, visitor, schedule_id)
    full = await booking.seats(visitor, schedule_id)

    assert of_compact(found) == of_full(full)
    assert found["bands"] == [
        {"band": "", "price": "50.00"},
        {"band": "Best", "price": "5.00"},
        {"band": "", "price": "5.00"},
        {"band": "Best", "price": "7.00"},
    ]
    assert {key: found[key] for key in ("concert_schedule_id", "version", "currency")} == {
        key: full[key] for key in ("concert_schedule_id", "version", "currency")
    }
    rows = {
        (section["section"], row["row"]): row
        for section in found["sections"]
        for row in section["rows"]
    }
    assert rows.keys() == {
        ("BALCONY", "B"),
        ("", "A"),
        ("", None),
        ("", "VIP"),
        ("Left", "1"),
    }
    assert (rows["", "VIP"]["prefix"], rows["", "VIP"]["places"]) == ("VIP-", [7, 1])
    assert rows["", "A"]["numbers"] == ["A-1", "A-2", "A-3", "A-04", "A-5"]
    assert rows["", None]["numbers"] == ["STANDING", "GUEST", "BALCONY-BOX", "Y"]
    assert rows["", None]["statuses"] == "ARAA"


async def test_compact_changes_name_the_seats_by_what_they_are_now(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor(money="100.00")
    whole = await compact(booking, visitor, schedule_id)
    one, two = list(of_compact(whole))[:2]
    first, second = await booking.held(visitor, schedule_id, "A-1", "A-2")
    held = await compact(booking, visitor, schedule_id, whole["version"])
    await booking.ask("DELETE", f"/v1/bookings/{second}", visitor)
    await booking.pay(visitor, first)
    visitor = await booking.visitor()
    sold = await compact(booking, visitor, schedule_id, held["version"])
    nothing = await compact(booking, visitor, schedule_id, sold["version"])

    assert (held["available"], held["reserved"], held["sold"]) == ([], [one, two], [])
    assert (sold["available"], sold["reserved"], sold["sold"]) == ([two], [], [one])
    assert [nothing[key] for key in ("available", "reserved", "sold")] == [[], [], []]
    assert {each["layout"] for each in (held, sold, nothing)} == {whole["layout"]}


async def test_who_follows_compact_changes_knows_the_map(booking: BookingStack) -> None:
    schedule_id = await booking.date(limit=10)
    visitor = await booking.visitor(money="500.00")
    whole = await compact(booking, visitor, schedule_id)
    known, version = of_compact(whole), whole["version"]

    async def follow() -> None:
        nonlocal known, version
        changes = await compact(booking, visitor, schedule_id, version)
        known, version = seat_maps.changed(known, changes), changes["version"]
        assert known == of_full(await booking.seats(visitor, schedule_id))

    one, two, three = await booking.held(visitor, schedule_id, "A-1", "A-2", "A-3")
    await follow()
    await booking.expire(one)
    await follow()
    await booking.pool.fetchval("SELECT sweep_expired(10)")
    await follow()
    await booking.ask("DELETE", f"/v1/bookings/{two}", visitor)
    await follow()
    await booking.pay(visitor, three)
    visitor = await booking.visitor()
    await follow()


async def test_another_layout_tells_that_seats_or_prices_are_others(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    whole = await compact(booking, visitor, schedule_id)
    await booking.held(visitor, schedule_id, "A-1")
    sold = await compact(booking, visitor, schedule_id, whole["version"])
    await booking.pool.execute(
        "UPDATE concert_seat SET price = 7, changed_xid = pg_current_xact_id()"
        " WHERE seat_number = 'A-2'"
    )
    dearer = await compact(booking, visitor, schedule_id, sold["version"])
    await booking.catalogue.add_seats(schedule_id, ["B-1"], [5])  # type: ignore[list-item]
    more = await compact(booking, visitor, schedule_id, dearer["version"])

    assert sold["layout"] == whole["layout"]
    assert len({whole["layout"], dearer["layout"], more["layout"]}) == 3
    assert (await compact(booking, visitor, schedule_id))["layout"] == more["layout"]


async def test_a_compact_map_is_not_sent_to_who_has_it(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    path = f"/v1/schedules/{schedule_id}/seats"
    full = (await booking.ask("GET", path, visitor)).headers["ETag"]
    etag = (await booking.ask("GET", f"{path}?view=compact", visitor)).headers["ETag"]

    async def status(known: str) -> int:
        headers = {"If-None-Match": known}
        return (await booking.ask("GET", f"{path}?view=compact", visitor, headers=headers)).status

    assert (await status(etag), await status(full)) == (304, 200)
    await booking.held(visitor, schedule_id, "A-1")
    assert await status(etag) == 200


async def test_a_view_that_is_not_there_is_refused(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()

    reply = await booking.ask("GET", f"/v1/schedules/{schedule_id}/seats?view=round", visitor)

    assert (reply.status, reply.code) == (400, "bad_request")


async def test_a_large_hall_takes_a_twentieth_of_the_bytes(booking: BookingStack) -> None:
    seats = [f"LOWER-{row}-{n}" for row in "ABCDEFGHIJKLMNOPQRST" for n in range(1, 51)]
    schedule_id = await booking.date(seats)
    visitor = await booking.visitor()
    path = f"/v1/schedules/{schedule_id}/seats"

    full = await booking.ask("GET", path, visitor)
    found = await booking.ask("GET", f"{path}?view=compact", visitor)

    assert len(found.raw) < len(full.raw) / 20


async def test_a_map_is_compressed_for_who_takes_that(booking: BookingStack) -> None:
    seats = [f"LOWER-{row}-{n}" for row in "ABCDEFGHIJ" for n in range(1, 51)]
    schedule_id = await booking.date(seats)
    visitor = await booking.visitor()
    path = f"/v1/schedules/{schedule_id}/seats"

    for view in ("full", "compact"):
        plain, gzipped = [
            await booking.ask(
                "GET", f"{path}?view={view}", visitor, headers={"Accept-Encoding": taken}
            )
            for taken in ("identity", "gzip, br")
        ]
        assert gzipped.body == plain.body
        assert gzipped.headers["ETag"] == plain.headers["ETag"]
        assert (plain.headers.get("Content-Encoding"), plain.headers["Vary"]) == (
            None,
            "Accept-Encoding",
        )
        if len(plain.raw) > LEAST_GZIPPED:
            assert int(gzipped.headers["Content-Length"]) < len(plain.raw) / 4
