"""The model of waiting lists: whoever finds a date sold out, and what they are offered."""

from tests.model.holding import Holding
from tests.model.selling import (
    DONE,
    NOT_FOUND,
    OFFER_TTL_S,
    STOPPED,
    Booking,
    Date,
    Entry,
    Expected,
)


class Waiting(Holding):
    """The waiting lists of all dates."""

    def join_list(self, name: str, date: Date) -> Expected:
        live = [e for e in self.entries if (e.visitor, e.date) == (name, date)]
        entry = next((e for e in live if e.status != "ENDED"), None)
        if entry is not None and not entry.lapsed:
            return Expected(200, says=self.shown(entry))
        if date.state != "on_sale":
            return STOPPED
        free = [seat for seat in date.seats if not self.holder(date, seat)]
        if free and not self.waiting(date):
            return Expected(409, "not_sold_out")
        refused = self.beyond_limit(name, date, 1)
        if refused is not None:
            return refused
        if entry is not None and entry.booking is not None:
            self.write(entry.booking, "expired")
        entry = Entry(name, date, self.visitors[name].tokens[date.room])
        self.entries.append(entry)
        return Expected(201, says=self.shown(entry))

    def leave_list(self, name: str, date: Date) -> Expected:
        entry = self.last_entry(name, date)
        if entry is None:
            return NOT_FOUND
        if entry.status == "WAITING":
            entry.end("left")
        elif entry.status == "OFFERED" and entry.booking is not None:
            reason = "lapsed" if entry.lapsed else "left"
            self.write(entry.booking, "owner")
            entry.end(reason)
        return DONE

    def offer(self, date: Date) -> tuple[int, list[Booking]]:
        """Free seats are offered along the list; how many places moved on, and the offers."""
        held = {b.seat for b in self.bookings if b.date is date and b.unwritten}
        seats = [s for s in date.seats if s not in held and not self.holder(date, s)]
        if date.state != "on_sale":
            return 0, []
        moved, made = 0, list[Booking]()
        for entry in self.waiting(date)[: len(seats)]:
            own = [b for b in self.of(entry.visitor) if b.date is date]
            unwritten = [booking for booking in own if booking.unwritten]
            moved += 1
            if self.live(entry.visitor, date) + len(unwritten) < date.limit:
                seat = seats[len(made)]
                made.append(Booking(entry.visitor, date, seat, entry.token, ttl_s=OFFER_TTL_S))
                entry.status, entry.booking = "OFFERED", made[-1]
                self.bookings.append(made[-1])
            elif unwritten:  # perhaps there is room for one more, once that is written
                return moved - 1, made
            else:
                entry.end("limit")
        return moved, made

    def last_entry(self, name: str, date: Date) -> Entry | None:
        """A visitor's last place in a date's list."""
        found = [e for e in self.entries if (e.visitor, e.date) == (name, date)]
        return found[-1] if found else None

    def shown(self, entry: Entry) -> dict[str, object]:
        """A place as its visitor reads it."""
        line = self.waiting(entry.date)
        return {
            "status": "ENDED" if entry.lapsed else entry.status,
            "reason": "lapsed" if entry.lapsed else entry.reason or None,
            "position": 1 + line.index(entry) if entry in line else None,
        }
