"""What clients do with seats: hold, extend, pay, let go, give back."""

import asyncio
import time
from typing import Any

from tests.histories.client import Client, Told
from tests.histories.recorder import Hold

#: A client gives up on the provider's word after this; it comes within a second.
PATIENCE_S = 60.0


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
        return await self._hold("hold", schedule, {"seat_numbers": seats})

    async def hold_best(self, schedule: int, count: int) -> list[Hold]:
        """The best that are left, side by side if they are few."""
        best = {"count": count, "adjacent": count < 3}
        return await self._hold("hold best", schedule, {"best_available": best})

    async def _hold(self, kind: str, schedule: int, body: Any) -> list[Hold]:
        path = f"/v1/schedules/{schedule}/bookings"
        told = await self.ask_once(kind, path, body)
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

    async def collect(self, holds: list[Hold]) -> list[Hold]:
        """Through the provider, which tells the booking API; what is bought by then."""
        body = {"concert_booking_ids": [hold.booking for hold in holds]}
        told = await self.ask_once("intend", "/v1/payments/intents", body)
        if told.status != 201:
            return []
        if self.dice.random() < 0.2:
            await self.until(holds[0].until + self.dice.uniform(-0.1, 0.05))
        outcome = "decline" if self.dice.random() < 0.1 else "success"
        asked, known = await self.confirm(told.body, outcome)
        path = f"/v1/payments/intents/{told.body['payment_intent_id']}"
        while asked + PATIENCE_S > time.monotonic():
            known = await self.booking_api("intent", "GET", path)
            if known.body.get("status") != "created":
                break
            await asyncio.sleep(0.05)
        status = known.body.get("status")
        if status == "succeeded":
            self.recorder.paid(asked, known.end, holds)
            return holds
        if status in {"refund_due", "refunded"} and len(holds) == 1:
            self.recorder.paid(asked, known.end, holds, "late")
        elif outcome == "success" and status in {"created", "declined"}:
            self.recorder.surprises.append(f"collect: {told.body} is {status}")
        return []

    async def confirm(self, intent: Any, outcome: str) -> tuple[float, Told]:
        """Pay at the provider's, who now and then tells of it once more, in the wrong order."""
        url = f"{self.show.provider_url}/intents/{intent['reference']}"
        body = {"client_secret": intent["client_secret"], "outcome": outcome}
        told = await self.provider("POST", f"{url}/confirm", body)
        if self.dice.random() < 0.3:
            await self.together(*(self.provider("POST", f"{url}/events") for _ in range(2)))
        return told.begin, told

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
