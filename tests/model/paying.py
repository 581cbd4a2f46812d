"""The model of money: charges, payments, refunds."""

from decimal import Decimal

from tests.model.holding import Holding
from tests.model.selling import (
    FORBIDDEN,
    FOREIGN,
    NOT_FOUND,
    Booking,
    Date,
    Expected,
    Request,
    Visitor,
    part,
)


class Paying(Holding):
    """Balances of all visitors."""

    def charge(self, request: Request, amount: Decimal) -> Expected:
        known = self.known(request)
        if known is not None:
            return known
        visitor = self.visitors[request.visitor]
        visitor.move("CHARGE", amount)
        return Expected(201, says={"balance": f"{visitor.balance:.2f}", "currency": "USD"})

    def pay(self, request: Request, ids: list[int], room: str) -> Expected:
        own = [b for b in self.of(request.visitor) if b.id in ids]
        if any(booking.date.room != room for booking in own):
            return FOREIGN
        known = self.known(request)
        if known is not None:
            return known
        if len(own) < len(ids):
            return NOT_FOUND
        return self.unpayable(own) or self._paid(self.visitors[request.visitor], own, ids)

    def cancel(self, name: str, booking: Booking, room: str) -> Expected:
        """DELETE: a hold is let go, a paid booking given back."""
        if booking.visitor != name:
            return NOT_FOUND
        if booking.date.room != room:
            return FOREIGN
        if booking.state == "CONFIRMED":
            amount = self._refund_of(booking)
            if amount is None:
                return FORBIDDEN
            self._give_back(booking, amount)
            self.write(booking, "refunded")
        return self.cancel_hold(booking)

    def refund(self, request: Request, booking: Booking) -> Expected:
        """The owner's POST."""
        if booking.visitor != request.visitor:
            return NOT_FOUND
        known = self.known(request)
        if known is not None:
            return known
        if booking.state != "CONFIRMED":
            return Expected(409, "not_refundable", {"refundable": "0.00"})
        amount = self._refund_of(booking)
        if amount is None:
            return FORBIDDEN
        self.write(booking, "refunded")
        return self._give_back(booking, amount)

    def refund_by_operator(self, request: Request, booking: Booking, amount: Decimal) -> Expected:
        """The operator's POST: a part, or all that is left, which cancels the booking."""
        known = self.known(request)
        if known is not None:
            return known
        left = booking.left if booking.state == "CONFIRMED" else Decimal(0)
        if booking.state != "CONFIRMED" or amount > left or (amount == 0 and left > 0):
            return Expected(409, "not_refundable", {"refundable": f"{left:.2f}"})
        if amount == left:
            self.write(booking, "operator")
        return self._give_back(booking, amount)

    @staticmethod
    def unpayable(own: list[Booking]) -> Expected | None:
        """Why these bookings cannot be paid."""
        expired = sorted(b.id for b in own if b.state == "EXPIRED")
        if expired:
            return Expected(410, "booking_expired", {"bookings": expired})
        final = sorted(b.id for b in own if b.state != "PENDING" or b.date.state == "canceled")
        if final:
            return Expected(409, "not_payable", {"bookings": final})
        return None

    def settle(self, own: list[Booking]) -> None:
        """Sell held seats for money that is in their owner's balance."""
        name, room = own[0].visitor, own[0].date.room
        for booking in own:
            booking.state, booking.paid = "CONFIRMED", booking.date.price
            self.offer_ends(booking, "taken")
            self.visitors[name].move("PAYMENT", -booking.paid, booking.id)
        if not any(b.state == "PENDING" and b.date.room == room for b in self.of(name)):
            for booking in own:
                self.ended.setdefault(booking.token, "completed")

    def _paid(self, visitor: Visitor, own: list[Booking], ids: list[int]) -> Expected:
        own = sorted(own, key=lambda booking: ids.index(booking.id))
        total = sum((booking.date.price for booking in own), Decimal(0))
        if visitor.balance < total:
            short = {
                "shortfall": f"{total - visitor.balance:.2f}",
                "balance": f"{visitor.balance:.2f}",
                "total": f"{total:.2f}",
            }
            return Expected(402, "insufficient_balance", short)
        self.settle(own)
        payments = [
            {"concert_booking_id": b.id, "payment_amount": f"{b.date.price:.2f}"} for b in own
        ]
        return Expected(
            201,
            says={
                "payments": payments,
                "total": f"{total:.2f}",
                "balance": f"{visitor.balance:.2f}",
            },
        )

    @staticmethod
    def _refund_of(booking: Booking) -> Decimal | None:
        """What the owner of a paid booking gets for canceling it; None when they cannot."""
        date: Date = booking.date
        if date.state == "canceled":
            return booking.left
        if not date.refund_percent or date.refunds_closed:
            return None
        return min(part(date.price, date.refund_percent), booking.left)

    def _give_back(self, booking: Booking, amount: Decimal) -> Expected:
        visitor = self.visitors[booking.visitor]
        booking.refunded += amount
        visitor.move("REFUND", amount, booking.id)
        return Expected(
            201,
            says={
                "concert_booking_id": booking.id,
                "refund_amount": f"{amount:.2f}",
                "balance": f"{visitor.balance:.2f}",
                "currency": "USD",
            },
        )
