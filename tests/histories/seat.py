"""A plain seat: AVAILABLE, RESERVED by a booking until its deadline, or SOLD to it; where it can be
refunded, a sold seat is AVAILABLE again.

Times are seconds of the client's monotonic clock. A deadline comes from the store's clock, so it
is known only as a span: before `lapses_from` the hold surely lives, from `lapses_by` on it surely
is over, in between either is possible.
"""

from dataclasses import dataclass
from typing import Literal

Booking = int | str

HOLD, EXTEND, PAY, CANCEL, REFUND, READ = "hold", "extend", "pay", "cancel", "refund", "read"
AVAILABLE, RESERVED, SOLD = "AVAILABLE", "RESERVED", "SOLD"


@dataclass(frozen=True, slots=True)
class Seat:
    """The state of one seat. `booking` and the deadline belong to RESERVED, `booking` to SOLD.

    `extended`: its hold has had its one extension.
    """

    status: str = AVAILABLE
    booking: Booking | None = None
    lapses_from: float = 0.0
    lapses_by: float = 0.0
    extended: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """What a client asked of one seat, and was told: it took effect between `begin` and `end`.

    `told` is the answer: 'done'; of a hold 'taken'; of a payment or an extension 'expired' or
    'ended' (not payable, not extendable); of a provider's payment also 'late'; of a cancellation
    'sold'; of a refund also 'ended' (not refundable); of a read AVAILABLE, RESERVED or SOLD, of a
    booking's own read PENDING, CONFIRMED or CANCELED. A refund is a cancellation where what was
    sold can be given back. An offer of the waiting list is a hold; its visitor finds it, so it
    began when they last knew nothing of it. The deadline is that which the answer told, or the
    last one told of that booking.
    An operation that never got an answer has `known` False: it took effect at some time after
    `begin`, or never.
    """

    kind: Literal["hold", "extend", "pay", "cancel", "refund", "read"]
    begin: float
    end: float
    told: str = "done"
    booking: Booking | None = None
    lapses_from: float = 0.0
    lapses_by: float = 0.0
    known: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """What an operation makes of a seat: the state after it, and when it can happen.

    `changes` False: a mere observation. It happens at `not_before` or later, and before `before`.
    """

    after: Seat
    changes: bool
    not_before: float = float("-inf")
    before: float = float("inf")


def steps(seat: Seat, asked: Operation) -> list[Step]:
    """All ways in which `seat` may answer `asked`; none when it cannot have told that.

    A lapsed hold stays RESERVED until somebody takes the seat over, lets it go or sweeps it: the
    internal step of expiring shows as what reads and takers may see from the deadline on. Whether
    a payment was judged in time is written in the payment itself (B4): its effect may show a
    moment after the deadline, while others see the seat as lapsed; nobody else can have it then.
    The same is true of an extension.
    """
    if asked.kind == HOLD:
        return _hold(seat, asked)
    if asked.kind == EXTEND:
        return _extend(seat, asked)
    if asked.kind == PAY:
        return _pay(seat, asked)
    if asked.kind == CANCEL:
        return _cancel(seat, asked)
    if asked.kind == REFUND:
        return _refund(seat, asked)
    return _read(seat, asked) if asked.booking is None else _read_booking(seat, asked)


def may_change(asked: Operation) -> bool:
    """Whether there is a seat that this operation changes."""
    return asked.told == "done"


def _hold(seat: Seat, asked: Operation) -> list[Step]:
    if asked.told == "taken":
        return _while_taken(seat)
    after = Seat(RESERVED, asked.booking, asked.lapses_from, asked.lapses_by)
    if seat.status == AVAILABLE:
        return [Step(after, changes=True)]
    if seat.status == RESERVED:
        return [Step(after, changes=True, not_before=seat.lapses_from)]
    return []


def _extend(seat: Seat, asked: Operation) -> list[Step]:
    held = seat.booking == asked.booking and seat.status == RESERVED
    if asked.told == "done":
        after = Seat(RESERVED, asked.booking, asked.lapses_from, asked.lapses_by, extended=True)
        return [Step(after, changes=True)] if held and not seat.extended else []
    if asked.told == "expired":
        return _too_late(seat, asked)
    return [] if held and not seat.extended else [Step(seat, changes=False)]


def _pay(seat: Seat, asked: Operation) -> list[Step]:
    mine = seat.booking == asked.booking
    if asked.told == "done":
        paid = Seat(SOLD, asked.booking)
        return [Step(paid, changes=True)] if mine and seat.status == RESERVED else []
    if asked.told == "expired":
        return _too_late(seat, asked)
    if asked.told == "late" and mine and seat.status == RESERVED:
        return [Step(seat, changes=False, not_before=seat.lapses_from)]
    return [] if mine and seat.status == RESERVED else [Step(seat, changes=False)]


def _too_late(seat: Seat, asked: Operation) -> list[Step]:
    """Nobody is told so before the deadline, also where somebody else has the seat by now."""
    if seat.booking != asked.booking or seat.status == AVAILABLE:
        return [Step(seat, changes=False, not_before=asked.lapses_from)]
    if seat.status == SOLD:
        return []
    return [Step(seat, changes=False, not_before=seat.lapses_from)]


def _cancel(seat: Seat, asked: Operation) -> list[Step]:
    mine = seat.booking == asked.booking
    if asked.told == "sold":
        return [Step(seat, changes=False)] if mine and seat.status == SOLD else []
    if not mine:
        return [Step(seat, changes=False)]
    return [Step(Seat(), changes=True)] if seat.status == RESERVED else []


def _refund(seat: Seat, asked: Operation) -> list[Step]:
    sold = seat.booking == asked.booking and seat.status == SOLD
    if asked.told == "ended":
        return [] if sold else [Step(seat, changes=False)]
    return [Step(Seat(), changes=True)] if sold else _cancel(seat, asked)


def _read(seat: Seat, asked: Operation) -> list[Step]:
    if asked.told == RESERVED:
        return _while_taken(seat) if seat.status == RESERVED else []
    if asked.told == seat.status:
        return [Step(seat, changes=False)]
    if asked.told == AVAILABLE and seat.status == RESERVED:
        return [Step(seat, changes=False, not_before=seat.lapses_from)]
    return []


def _read_booking(seat: Seat, asked: Operation) -> list[Step]:
    mine = seat.booking == asked.booking
    if asked.told == "CONFIRMED":
        return [Step(seat, changes=False)] if mine and seat.status == SOLD else []
    if asked.told == "PENDING":
        return _while_taken(seat) if mine and seat.status == RESERVED else []
    if not mine:
        return [Step(seat, changes=False)]
    if seat.status == RESERVED:
        return [Step(seat, changes=False, not_before=seat.lapses_from)]
    return []


def _while_taken(seat: Seat) -> list[Step]:
    if seat.status == RESERVED:
        return [Step(seat, changes=False, before=seat.lapses_by)]
    return [Step(seat, changes=False)] if seat.status == SOLD else []
