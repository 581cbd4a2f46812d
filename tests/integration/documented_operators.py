"""What operators ask of the booking API, for whoever judges the answers by its document."""

from collections.abc import Awaitable, Callable
from typing import Any

Ask = Callable[..., Awaitable[Any]]


async def operate(ask: Ask, operator: dict[str, str], concert_id: int, visitor: str) -> None:
    """Every success of the operators' routes on a concert's new date, and some refusals."""
    admin = "/v1/admin"

    async def do(method: str, path: str, status: int, body: Any = None, **headers: str) -> Any:
        sent = {**operator, **{name.replace("_", "-"): value for name, value in headers.items()}}
        found = await ask(method, f"{admin}/{path}", None, headers=sent, body=body)
        assert found.status == status, (path, found.raw)
        return found

    concert = f"concerts/{concert_id}"
    made = await do("POST", f"{concert}/schedules", 201, {"schedule_date": "2031-01-01T20:00:00Z"})
    date = f"schedules/{made.body['concert_schedule_id']}"
    seats = [{"seat_number": f"C-{n}", "price": "5.00"} for n in (1, 2)]
    await do("POST", f"{date}/seats", 201, {"seats": seats})

    for path in ("concerts", concert, f"{concert}/schedules", f"{concert}/sales", date):
        await do("GET", path, 200)
    for path in (concert, date):
        tag = (await do("GET", path, 200)).headers["ETag"]
        await do("PUT", path, 428, {})
        await do("PUT", path, 412, {}, If_Match='"999"')
        await do("PUT", path, 200, {}, If_Match=tag)
        await do("PUT", path, 422, {"no": "field"}, If_Match="*")

    await do("GET", f"{date}/seats?limit=1", 200)
    await do("PUT", f"{date}/prices", 200, {"prices": [{"price": "6.00", "seat_numbers": ["C-1"]}]})
    await do("PUT", f"{date}/prices", 404, {"prices": [{"price": "6.00", "seat_numbers": ["D-1"]}]})
    await do("POST", f"{date}/seats/removal", 200, {"seat_numbers": ["C-2"]})
    await do("POST", f"{date}/seats/removal", 404, {"seat_numbers": ["C-2"]})
    await do("GET", f"{date}/limits/{visitor}", 200)
    await do("PUT", f"{date}/limits/{visitor}", 200, {"own_limit": 7})

    (user,) = (await do("GET", f"users?visitor={visitor}", 200)).body["items"]
    await do("GET", f"users/{user['user_id']}", 200)
    for booking in (await do("GET", f"bookings?visitor={visitor}", 200)).body["items"]:
        path = f"bookings/{booking['concert_booking_id']}"
        await do("GET", path, 200)
        sold = f"schedules/{booking['concert_schedule_id']}"
        await do("GET", f"{sold}/sales", 200)
        for what in ("bookings", "payments"):
            await do("GET", f"{sold}/{what}.csv", 200)
        await do("POST", f"{path}/cancellation", 200, {"reason": "Illness"})
        await do("POST", f"{path}/cancellation", 422, {"reason": ""})
        await do("GET", path, 200)

    await do("DELETE", date, 204)
    await do("GET", f"{date}/cancellation", 404)
    await do("POST", f"{date}/cancellation", 202, {"reason": "Illness"})
    await do("POST", f"{date}/cancellation", 409, {"reason": "Rain"})
    await do("GET", f"{date}/cancellation", 200)
    await do("DELETE", date, 409)
