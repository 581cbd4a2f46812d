"""Whatever is sent: a problem document with the right code, and no trace in the data."""

import json
from typing import Any

import pytest

from booking_api.halls import MOST_BYTES
from tests.booking_stack import ADMIN_KEY, BookingStack, Reply, Visitor

OPERATOR = {"Authorization": f"Bearer {ADMIN_KEY}"}
DEEP = b"[" * 20_000 + b"]" * 20_000


class Counter:
    """Sends bad requests and looks after the data."""

    def __init__(self, booking: BookingStack, visitor: Visitor, schedule_id: int, concert_id: int):
        self.booking = booking
        self.visitor = visitor
        self.schedule_id = schedule_id
        self.posts = {
            "hold": f"/v1/schedules/{schedule_id}/bookings",
            "pay": "/v1/payments",
            "charge": "/v1/users/me/charges",
            "sign_up": "/v1/users",
            "concert": "/v1/admin/concerts",
            "date": f"/v1/admin/concerts/{concert_id}/schedules",
            "seats": f"/v1/admin/schedules/{schedule_id}/seats",
        }

    async def post(self, name: str, body: Any = None, **more: Any) -> Reply:
        headers = dict(more.pop("headers", {}))
        if name in {"concert", "date", "seats"}:
            headers |= OPERATOR
        path = more.pop("path", self.posts[name])
        key = self.booking.new_key()
        return await self.booking.ask(
            "POST", path, self.visitor, body=body, key=key, headers=headers, **more
        )


@pytest.fixture
async def counter(booking: BookingStack) -> Counter:
    schedule_id = await booking.date()
    visitor = await booking.visitor(money="100.00")
    await booking.held(visitor, schedule_id, "A-1")
    concert_id = await booking.pool.fetchval("SELECT concert_id FROM concert")
    return Counter(booking, visitor, schedule_id, concert_id)


NO_OBJECTS = [
    (b"", "application/json", (400, "bad_request")),
    (b"{", "application/json", (400, "bad_request")),
    (b'{"amount": NaN}', "application/json", (400, "bad_request")),
    (b'{"amount": "\\ud800"}', "application/json", (400, "bad_request")),
    (b"\xff\xfe", "application/json", (400, "bad_request")),
    (b"{} {}", "application/json", (400, "bad_request")),
    (DEEP, "application/json", (400, "bad_request")),
    (b"9" * 10_000, "application/json", (400, "bad_request")),
    (b"null", "application/json", (422, "validation_failed")),
    (b"[]", "application/json", (422, "validation_failed")),
    (b"{}", "application/json", (422, "validation_failed")),
    (b'"text"', "application/json", (422, "validation_failed")),
    (b"{}", "text/plain", (415, "unsupported_media_type")),
    (b"a=1", "application/x-www-form-urlencoded", (415, "unsupported_media_type")),
]


async def test_bodies_that_are_no_object_of_json(counter: Counter) -> None:
    before = await counter.booking.trace()

    for data, content_type, refusal in NO_OBJECTS:
        for name in counter.posts:
            reply = await counter.post(name, data=data, headers={"Content-Type": content_type})
            assert (reply.status, reply.code) == refusal, (name, data[:40])

    assert await counter.booking.trace() == before


async def test_bodies_of_more_than_64_kib_are_too_large(counter: Counter) -> None:
    before = await counter.booking.trace()
    data = json.dumps({"user_name": "x" * 65_536}).encode()

    for name in ("hold", "pay", "charge", "sign_up"):
        reply = await counter.post(name, data=data)
        assert (reply.status, reply.code) == (413, "too_large"), name
    huge = await counter.post("seats", data=b" " * (MOST_BYTES + 1))

    assert (huge.status, huge.code) == (413, "too_large")
    assert await counter.booking.trace() == before


BAD: dict[str, list[Any]] = {
    "hold": [
        {"seat_numbers": []},
        {"seat_numbers": "A-2"},
        {"seat_numbers": None},
        {"seat_numbers": [1]},
        {"seat_numbers": [None]},
        {"seat_numbers": [["A-2"]]},
        {"seat_numbers": ["A-2", "A-2"]},
        {"seat_numbers": [""]},
        {"seat_numbers": [" "]},
        {"seat_numbers": ["A-2\x00"]},
        {"seat_numbers": ["A-2\n"]},
        {"seat_numbers": ["A" * 33]},
        {"seat_numbers": [f"A-{n}" for n in range(101)]},
        {"seat_numbers": ["A-2"], "user_id": 1},
        {"seat_numbers": ["A-2"], "price": "0.01"},
        {"best_available": {}},
        {"best_available": {"count": 0}},
        {"best_available": {"count": 101}},
        {"best_available": {"count": "2"}},
        {"best_available": {"count": 2, "max_price": "1.001"}},
        {"best_available": {"count": 2, "price": "1.00"}},
        {"best_available": {"count": 2}, "seat_numbers": ["A-2"]},
        {"seat_number": "A-2"},
        {},
    ],
    "pay": [
        {"concert_booking_ids": []},
        {"concert_booking_ids": 1},
        {"concert_booking_ids": ["1"]},
        {"concert_booking_ids": [1.0]},
        {"concert_booking_ids": [1.5]},
        {"concert_booking_ids": [True]},
        {"concert_booking_ids": [None]},
        {"concert_booking_ids": [1, 1]},
        {"concert_booking_ids": list(range(1, 102))},
        {"concert_booking_ids": [1], "amount": "0.01"},
        {"concert_booking_id": 1},
    ],
    "charge": [
        {"amount": value}
        for value in (
            100,
            100.0,
            None,
            True,
            "",
            "0",
            "0.00",
            "-1.00",
            "+1.00",
            "1.001",
            "1e5",
            "1,000.00",
            " 1.00",
            "1.00\n",
            "1\u0000",
            "\u0661.\u0660\u0660",
            "NaN",
            "Infinity",
            "1000000.01",
            "9" * 31,
            "9" * 5000,
            ["1.00"],
        )
    ]
    + [{"amount": "1.00", "currency": "EUR"}],
    "sign_up": [
        {"user_name": value} for value in ("", " ", "x" * 101, "a\x00b", "a\nb", "\x1b[2J", 1, None)
    ]
    + [{"user_name": "x", "balance": "1000000.00"}],
    "concert": [
        {"concert_name": "", "room_id": "room-a"},
        {"concert_name": "X\x00", "room_id": "room-a"},
        {"concert_name": "X"},
        {"concert_name": "X", "room_id": "Room A"},
        {"concert_name": "X", "room_id": "room-a\n"},
        {"concert_name": "X", "room_id": "a.b"},
        {"concert_name": "X", "room_id": ""},
        {"concert_name": "X", "room_id": "r" * 64},
        {"concert_name": "X", "room_id": "room-a", "concert_id": 7},
    ],
    "date": [
        {"schedule_date": value}
        for value in (
            "",
            "2030-01-01",
            "2030-01-01T20:00:00",
            "0001-01-01T00:00:00+23:59",
            "9999-12-31T23:59:59-23:59",
            "2030-02-30T20:00:00Z",
            1893456000,
            None,
        )
    ]
    + [
        {"schedule_date": "2030-01-01T20:00:00Z", "hold_ttl_s": 0},
        {"schedule_date": "2030-01-01T20:00:00Z", "hold_ttl_s": 86_401},
        {"schedule_date": "2030-01-01T20:00:00Z", "hold_ttl_s": "300"},
        {"schedule_date": "2030-01-01T20:00:00Z", "max_seats_per_user": 0},
        {"schedule_date": "2030-01-01T20:00:00Z", "max_seats_per_user": 101},
        {"schedule_date": "2030-01-01T20:00:00Z", "seats": 5},
    ],
    "seats": [
        {"seats": []},
        {"seats": [{"seat_number": "Z-1"}]},
        {"seats": [{"seat_number": "", "price": "1.00"}]},
        {"seats": [{"seat_number": "Z-1\x00", "price": "1.00"}]},
        {"seats": [{"seat_number": "Z-1", "price": 1}]},
        {"seats": [{"seat_number": "Z-1", "price": "-1.00"}]},
        {"seats": [{"seat_number": "Z-1", "price": "1.001"}]},
        {"seats": [{"seat_number": "Z-1", "price": "1.00"}] * 2},
        {
            "seats": [
                {"seat_number": "Z-1", "price": "1.00"},
                {"seat_number": "A-1", "price": "1.00"},
            ]
        },
        {"seats": [{"seat_number": "Z-1", "price": "1.00", "status": "SOLD"}]},
    ],
}


async def test_bodies_that_do_not_fit_the_schema(counter: Counter) -> None:
    before = await counter.booking.trace()

    for name, bodies in BAD.items():
        for body in bodies:
            reply = await counter.post(name, body)
            assert (reply.status, reply.code) == (422, "validation_failed"), (name, body)

    assert await counter.booking.trace() == before


NO_IDS = [
    "0",
    "-1",
    "999999",
    "9223372036854775807",
    "9223372036854775808",
    "1" * 400,
    "1.0",
    "1e3",
    "abc",
    "%00",
    "1%00",
    "%D9%A1",
    "%20 1",
    "0x1",
    "01",
    "null",
    "'; DROP TABLE users; --",
]


async def test_ids_that_name_nothing_are_not_found(counter: Counter) -> None:
    booking, visitor = counter.booking, counter.visitor
    before = await booking.trace()
    hold = {"seat_numbers": ["A-2"]}
    date = {"schedule_date": "2030-01-01T20:00:00Z"}
    seats = {"seats": [{"seat_number": "Z-1", "price": "1.00"}]}

    for bad in NO_IDS:
        replies = [
            await booking.ask("GET", f"/v1/concerts/{bad}/schedules", visitor),
            await booking.ask("GET", f"/v1/schedules/{bad}/seats", visitor),
            await counter.post("hold", hold, path=f"/v1/schedules/{bad}/bookings"),
            await booking.ask("GET", f"/v1/bookings/{bad}", visitor),
            await booking.ask("DELETE", f"/v1/bookings/{bad}", visitor),
            await counter.post("date", date, path=f"/v1/admin/concerts/{bad}/schedules"),
            await counter.post("seats", seats, path=f"/v1/admin/schedules/{bad}/seats"),
        ]
        assert {(r.status, r.code) for r in replies} == {(404, "not_found")}, bad

    assert await booking.trace() == before


async def test_bookings_that_are_not_there_are_not_payable(counter: Counter) -> None:
    before = await counter.booking.trace()

    for bad in (0, -1, 999_999, 2**63 - 1, 2**63, 2**64, 10**40):
        reply = await counter.post("pay", {"concert_booking_ids": [bad]})
        assert (reply.status, reply.code) == (404, "not_found"), bad

    assert await counter.booking.trace() == before


async def test_unknown_seats_are_named(counter: Counter) -> None:
    before = await counter.booking.trace()

    reply = await counter.post("hold", {"seat_numbers": ["A-2", "Z-9", "a-2", "A-2 "]})

    assert (reply.status, reply.code) == (404, "not_found")
    assert reply.body["seats"] == ["Z-9", "a-2", "A-2 "]
    assert await counter.booking.trace() == before


BAD_PAGES = [
    *(f"limit={raw}" for raw in ("0", "101", "-1", "x", "", "1.0", "%00")),
    *(f"cursor={raw}" for raw in ("", "x", "%00", "MQ%3D%3D", "LTE", "M" * 500)),
]


async def test_bad_pages_are_refused(counter: Counter) -> None:
    for query in BAD_PAGES:
        for path in ("/v1/concerts", "/v1/bookings", "/v1/users/me/ledger"):
            reply = await counter.booking.ask("GET", f"{path}?{query}", counter.visitor)
            assert (reply.status, reply.code) == (400, "bad_request"), (path, query)


async def test_bad_versions_are_refused(counter: Counter) -> None:
    for since in ("", "x", "-1", "1.5", "9" * 30, "%00", "1e3", "%D9%A1"):
        path = f"/v1/schedules/{counter.schedule_id}/seats?since={since}"
        reply = await counter.booking.ask("GET", path, counter.visitor)
        assert (reply.status, reply.code) == (400, "bad_request"), since


async def test_paths_and_methods_that_are_not_there(counter: Counter) -> None:
    booking, visitor = counter.booking, counter.visitor

    replies = [
        await booking.ask("GET", "/v1/nothing", visitor),
        await booking.ask("GET", "/v1/admin/nothing", visitor),
        await booking.ask("PUT", "/v1/payments", visitor, body={}),
    ]

    assert [(r.status, r.code) for r in replies] == [
        (404, "not_found"),
        (404, "not_found"),
        (405, "method_not_allowed"),
    ]


async def test_nothing_sent_comes_back_in_a_refusal(counter: Counter) -> None:
    secret = "s3cr3t-value"
    booking = counter.booking

    replies = [
        await booking.ask("GET", "/v1/bookings", headers={"Authorization": f"Bearer {secret}"}),
        await booking.ask("GET", "/v1/concerts", counter.visitor.with_token(secret)),
        await booking.ask("POST", "/v1/payments", counter.visitor, body={}, key=f"{secret} x"),
        await booking.ask("POST", "/v1/admin/concerts", headers={"Authorization": secret}),
    ]

    for reply in replies:
        assert reply.status >= 400
        assert secret not in reply.raw.decode()
        assert secret not in str(reply.headers)
