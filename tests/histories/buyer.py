"""What clients do with seats: hold, extend, pay, let go, give back."""

from tests.histories.client import Client
from tests.histories.recorder import Hold


class Buyer(Client):
    """A client with much money."""

    async def look(self, schedule: int) -> None:
        """Read the seat map."""
        told = await self.booking_api("map", "GET", f"/v1/schedules/{schedule}/seats")
        if told.status == 200:
            seats = told.body["seats"]
            self.recorder.looked(told.begin, told.end, schedule, seats)
            if [seat["seat_number"] for seat in seats] != self.show.seats:
                self.recorder.surprises.append(f"map: {len(seats)} seats")

    async def look_up(self, hold: Hold) -> None:
        """Read one's own booking."""
        told = await self.booking_api("look up", "GET", f"/v1/bookings/{hold.booking}")
        if told.status == 200:
            self.recorder.looked_up(told.begin, told.end, hold, told.body["status"])

    async def hold(self, schedule: int, seats: list[str]) -> list[Hold]:
        """All seats or none."""
        path = f"/v1/schedules/{schedule}/bookings"
        told = await self.ask_once("hold", path, {"seat_numbers": seats})
        if told.status == 201:
            return self.recorder.held(told.begin, told.end, schedule, told.body["bookings"])
        if told.code == "seat_taken":
            self.recorder.taken(told.begin, told.end, schedule, told.body.get("seats", ()))
        elif told.code == "queue_token_expired":
            await self.join()
        return []

    async def extend(self, hold: Hold) -> Hold:
        """More time to pay; the hold as it is known afterwards."""
        told = await self.ask_once("extend", f"/v1/bookings/{hold.booking}/extension", {})
        if told.status == 201:
            return self.recorder.extended(told.begin, told.end, hold, told.body)
        if told.code == "booking_expired":
            self.recorder.not_extended(told.begin, told.end, hold, "expired")
        elif told.code == "not_extendable":
            self.recorder.not_extended(told.begin, told.end, hold, "ended")
        return hold

    async def pay(self, holds: list[Hold]) -> list[Hold]:
        """From the balance, all or none; what is bought now."""
        body = {"concert_booking_ids": [hold.booking for hold in holds]}
        told = await self.ask_once("pay", "/v1/payments", body)
        reasons = set(told.body.get("bookings", ()))
        meant = [hold for hold in holds if hold.booking in reasons]
        if told.status == 201:
            self.recorder.paid(told.begin, told.end, holds)
            return holds
        if told.code == "booking_expired":
            self.recorder.paid(told.begin, told.end, meant, "expired")
        elif told.code == "not_payable":
            self.recorder.paid(told.begin, told.end, meant, "ended")
        return []

    async def cancel(self, hold: Hold) -> None:
        """Let a hold go; where sold seats can be given back, that too."""
        told = await self.booking_api("cancel", "DELETE", f"/v1/bookings/{hold.booking}")
        if told.status == 204 and hold.seat[0] in self.show.refundable:
            self.recorder.given_back(told.begin, told.end, hold)
        elif told.status == 204:
            self.recorder.canceled(told.begin, told.end, hold)
        elif told.code == "forbidden":
            self.recorder.canceled(told.begin, told.end, hold, "sold")
            if hold.seat[0] in self.show.refundable:
                self.recorder.surprises.append(f"cancel: {hold} is not given back")

    async def give_back(self, hold: Hold) -> None:
        """What is sold, for money; where that can be, and where not."""
        told = await self.ask_once("refund", f"/v1/bookings/{hold.booking}/refunds", {})
        if told.status == 201:
            self.recorder.given_back(told.begin, told.end, hold)
        elif told.code == "not_refundable":
            self.recorder.given_back(told.begin, told.end, hold, "ended")
        elif told.code == "forbidden":
            self.recorder.canceled(told.begin, told.end, hold, "sold")
