"""The model of holds: taken, extended, let go, past their deadline."""

from decimal import Decimal

from tests.model.selling import (
    DONE,
    FOREIGN,
    LIST_FIRST,
    NOT_FOUND,
    STOPPED,
    Booking,
    Books,
    Date,
    Expected,
    Request,
)


class Holding(Books):
    """Holds of all visitors."""

    def hold(self, request: Request, date: Date, seats: list[str]) -> Expected:
        known = self.known(request)
        if known is not None:
            return known
        refused = self._refused(request.visitor, date)
        if refused is not None:
            return refused
        unknown = [seat for seat in seats if seat not in date.seats]
        if unknown:
            return Expected(404, "not_found", {"seats": unknown})
        taken = sorted(seat for seat in seats if self.holder(date, seat))
        if taken:
            return Expected(409, "seat_taken", {"seats": taken})
        if self.waiting(date):
            return LIST_FIRST
        refused = self.beyond_limit(request.visitor, date, len(seats))
        if refused is not None:
            return refused
        orphans = self.orphans(date, seats)
        if orphans and date.avoid_orphans and self._runs(date, len(seats), orphans=False):
            return Expected(409, "orphan_seat", {"seats": orphans})
        return self._held(request.visitor, date, seats)

    def hold_best(
        self, request: Request, date: Date, count: int, adjacent: bool, most: Decimal | None
    ) -> Expected:
        """The seats that were loaded first; side by side, and leaving no orphan, if so wanted."""
        known = self.known(request)
        if known is not None:
            return known
        refused = self._refused(request.visitor, date)
        refused = refused or (LIST_FIRST if self.waiting(date) else None)
        refused = refused or self.beyond_limit(request.visitor, date, count)
        if refused is not None:
            return refused
        free = [seat for seat in date.seats if not self.holder(date, seat)]
        if adjacent:
            found = self._runs(date, count, orphans=False) if date.avoid_orphans else []
            found = found or self._runs(date, count, orphans=True)
        else:
            found = [free[:count]] if len(free) >= count else []
        if not found or (most is not None and date.price > most):
            return Expected(409, "seat_taken")
        return self._held(request.visitor, date, found[0])

    def orphans(self, date: Date, seats: list[str]) -> list[str]:
        """Free seats that these would leave alone between two that are not free."""
        taken = [seat in seats or self.holder(date, seat) is not None for seat in date.seats]
        return [
            seat
            for at, seat in enumerate(date.seats[1:-1], 1)
            if not taken[at]
            and taken[at - 1]
            and taken[at + 1]
            and not {date.seats[at - 1], date.seats[at + 1]}.isdisjoint(seats)
        ]

    def _runs(self, date: Date, count: int, *, orphans: bool) -> list[list[str]]:
        """Free seats side by side, the best first; `orphans`: also those that leave some."""
        found = [list(date.seats[at : at + count]) for at in range(len(date.seats) - count + 1)]
        free = [run for run in found if not any(self.holder(date, seat) for seat in run)]
        return [run for run in free if orphans or not self.orphans(date, run)]

    def beyond_limit(self, name: str, date: Date, seats: int) -> Expected | None:
        """Why so many seats are more than the visitor may have of the date."""
        live = self.live(name, date)
        if live + seats <= date.limit:
            return None
        return Expected(409, "limit_exceeded", {"limit": date.limit, "live_seats": live})

    def _held(self, name: str, date: Date, seats: list[str]) -> Expected:
        """The hold of seats that nothing stands against."""
        self._take_over(name, date, seats)
        token = self.visitors[name].tokens[date.room]
        made = tuple(Booking(name, date, seat, token) for seat in seats)
        self.bookings += made
        return Expected(201, says={"total": f"{date.price * len(seats):.2f}"}, made=made)

    def extend(self, request: Request, booking: Booking, room: str) -> Expected:
        if booking.visitor == request.visitor and booking.date.room != room:
            return FOREIGN
        known = self.known(request)
        if known is not None:
            return known
        if booking.visitor != request.visitor:
            return NOT_FOUND
        if booking.state == "EXPIRED":
            return Expected(410, "booking_expired", {"bookings": [booking.id]})
        if booking.date.state != "on_sale":
            return STOPPED
        if booking.state != "PENDING" or booking.extended:
            return Expected(409, "not_extendable")
        booking.extended = True
        return Expected(201, says={"concert_booking_id": booking.id, "status": "PENDING"})

    def expire(self, booking: Booking) -> None:
        """The hold's deadline passes."""
        booking.state = "EXPIRED"
        self.expired.append(booking)

    def sweep(self, most: int) -> int:
        """The sweep writes down at most so many; returns how many."""
        found = [booking for booking in self.expired if booking.unwritten][:most]
        for booking in found:
            self.write(booking, "expired")
        return len(found)

    def cancel_hold(self, booking: Booking) -> Expected:
        """Its owner lets a hold go."""
        if booking.state == "PENDING" or booking.unwritten:
            self.write(booking, "owner")
        return DONE

    def enter(self, name: str, room: str, token: str) -> None:
        """The visitor left and holds another token now."""
        visitor = self.visitors[name]
        self.ended.setdefault(visitor.tokens[room], "left")
        visitor.tokens[room] = token

    def _refused(self, name: str, date: Date) -> Expected | None:
        """Why this visitor may hold nothing of the date."""
        token = self.visitors[name].tokens[date.room]
        if token in self.ended:
            return Expected(403, "queue_token_expired", {"reason": self.ended[token]})
        if date.state != "on_sale":
            return STOPPED
        # The bucket leaks, though less than one seat in the time of a test.
        if date.churn and self.let_go.get((name, date.schedule_id), 0) >= date.churn:
            return Expected(429, "hold_churn")
        return None

    def _take_over(self, name: str, date: Date, seats: list[str]) -> None:
        """What has ended is written down where it is in the way."""
        own = [b for b in self.of(name) if b.date is date and b.unwritten]
        if self.live(name, date) + len(own) + len(seats) > date.limit:
            for booking in own:
                self.write(booking, "expired")
        for booking in self.bookings:
            if booking.date is date and booking.seat in seats and booking.unwritten:
                self.write(booking, "expired")
