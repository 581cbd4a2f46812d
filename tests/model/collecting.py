"""The model of payments through a provider: asked for, collected, told of, perhaps too late."""

from dataclasses import dataclass
from decimal import Decimal

from tests.model.paying import Paying
from tests.model.selling import FOREIGN, NOT_FOUND, Booking, Date, Expected, Request

#: What an event of the provider makes of an intent that is still open.
OPEN = ("created", "declined")


@dataclass(eq=False, slots=True)
class Intent:
    """What the provider was asked to collect. `collected`: what became of it there, if anything."""

    visitor: str
    bookings: list[Booking]
    amount: Decimal
    status: str = "created"
    collected: str = ""
    id: int = 0
    reference: str = ""
    secret: str = ""


class Collecting(Paying):
    """Payments through one provider."""

    def __init__(self, dates: list[Date]):
        super().__init__(dates)
        self.intents: list[Intent] = []
        #: Events that were taken.
        self.taken: set[str] = set()

    def intend(self, request: Request, ids: list[int], room: str) -> Expected:
        own = [b for b in self.of(request.visitor) if b.id in ids]
        if any(booking.date.room != room for booking in own):
            return FOREIGN
        known = self.known(request)
        if known is not None:
            return known
        if len(own) < len(ids):
            return NOT_FOUND
        refused = self.unpayable(own)
        if refused is not None:
            return refused
        amount = sum((booking.date.price for booking in own), Decimal(0))
        if not amount:
            return Expected(422, "validation_failed")
        by_id = {booking.id: booking for booking in own}
        self.intents.append(Intent(request.visitor, [by_id[id_] for id_ in ids], amount))
        return Expected(
            201,
            says={"amount": f"{amount:.2f}", "status": "created", "concert_booking_ids": ids},
        )

    def event(self, event_id: str, kind: str, intent: Intent) -> None:
        """The provider tells of a payment; what it told before changes nothing."""
        if event_id not in self.taken:
            self.taken.add(event_id)
            self.end(intent, kind)

    def end(self, intent: Intent, kind: str) -> None:
        """What became of a payment is known."""
        if kind == "refunded" and intent.status == "refund_due":
            intent.status = "refunded"
        elif kind == "declined" and intent.status in OPEN:
            intent.status = "declined"
        elif kind == "succeeded" and intent.status in OPEN:
            if self.unpayable(intent.bookings) is not None:
                intent.status = "refund_due"
                return
            intent.status = "succeeded"
            self.visitors[intent.visitor].move("CHARGE", intent.amount)
            self.settle(intent.bookings)

    def work(self, intent: Intent) -> None:
        """Money that came too late is given back; what is not known is asked for."""
        if intent.status == "refund_due":
            intent.collected = "refunded"
            intent.status = "refunded"
        elif intent.status in OPEN and intent.collected:
            self.end(intent, intent.collected)
