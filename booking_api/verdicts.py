"""What the database's verdicts mean: outcomes of functions and names of constraints as errors.

The only place where either becomes a domain error.
"""

import asyncpg
import orjson

from shared.errors import (
    BookingExpired,
    Forbidden,
    HoldChurn,
    IdempotencyKeyReused,
    InsufficientBalance,
    LimitExceeded,
    NotExtendable,
    NotFound,
    NotPayable,
    NotRefundable,
    NotSoldOut,
    OnsaleError,
    OrphanSeat,
    QueueTokenForeign,
    QueueTokenWaiting,
    RequestInProgress,
    SaleStopped,
    ScheduleCanceled,
    SeatTaken,
    TicketOfOtherDate,
    TicketUsed,
    TicketVoid,
    TooManyRequests,
    Unavailable,
    ValidationFailed,
    VersionConflict,
)

DONE = frozenset(
    {
        "held",
        "extended",
        "joined",
        "waiting",
        "left",
        "paid",
        "charged",
        "refunded",
        "canceled",
        "changed",
        "admitted",
    }
    | {"replayed"}
)
#: What became of a payment through a provider, or of what it says of one.
DONE |= {"created", "succeeded", "declined", "refund_due", "unchanged", "unknown_intent", "ignored"}


class NotCancelable(Forbidden):
    """A paid booking of this concert cannot be canceled, or no longer."""


class BalanceFull(ValidationFailed):
    """The balance cannot hold that much."""


class NothingToCollect(ValidationFailed):
    """These seats are free: pay them with POST /v1/payments."""


class NoneLeft(SeatTaken):
    """No so many seats of the kind are free."""

    def __init__(self, *, count: int, adjacent: bool):
        kind = "adjacent seats" if adjacent and count > 1 else "seats"
        super().__init__(f"No {count} {kind} that fit are free; ask for fewer, or for others.")


class Busy(Unavailable):
    """Others took the same seats, again and again, and there are more: ask again with this key."""


class AdmissionUnknown(Unavailable):
    """It is not written down yet that this token was let in; ask again in a moment."""


class ListFirst(SeatTaken):
    """Whoever is on this date's waiting list goes first; join it."""


class AlreadyThere(ValidationFailed):
    """A seat of that number is there already; nothing was added."""


_REFUSALS: dict[str, type[OnsaleError]] = {
    "balance_full": BalanceFull,
    "booking_expired": BookingExpired,
    "busy": Busy,
    "confirmed": NotCancelable,
    "foreign": QueueTokenForeign,
    "hold_churn": HoldChurn,
    "idempotency_key_reused": IdempotencyKeyReused,
    "insufficient_balance": InsufficientBalance,
    "limit_exceeded": LimitExceeded,
    "list_first": ListFirst,
    "none_left": NoneLeft,
    "not_extendable": NotExtendable,
    "not_admitted": QueueTokenWaiting,
    "not_found": NotFound,
    "nothing_to_collect": NothingToCollect,
    "not_payable": NotPayable,
    "not_refundable": NotRefundable,
    "not_sold_out": NotSoldOut,
    "orphan_seat": OrphanSeat,
    "request_in_progress": RequestInProgress,
    "sale_stopped": SaleStopped,
    "schedule_canceled": ScheduleCanceled,
    "seat_taken": SeatTaken,
    "ticket_other_date": TicketOfOtherDate,
    "ticket_used": TicketUsed,
    "ticket_void": TicketVoid,
    "too_many_intents": TooManyRequests,
    "version_conflict": VersionConflict,
    "unknown_token": AdmissionUnknown,
}

#: The second wall: functions check before they write, so these speak only if one has a mistake.
_CONSTRAINTS: dict[str, type[OnsaleError]] = {
    "concert_booking_one_live_per_seat": SeatTaken,
    "concert_seat_number_once": AlreadyThere,
    "idempotency_key_pkey": RequestInProgress,
    "ledger_balance_not_negative": InsufficientBalance,
    "payment_one_per_booking": NotPayable,
    "payment_refunded_within": NotRefundable,
    "user_schedule_within_limit": LimitExceeded,
    "users_balance_not_negative": InsufficientBalance,
    "waitlist_one_live_per_user": RequestInProgress,
}


def refusal(outcome: str, body: str | None) -> OnsaleError | None:
    """The error of a function's outcome, with its body as what helps; None when it was done."""
    if outcome in DONE:
        return None
    return _REFUSALS[outcome](**(orjson.loads(body) if body else {}))


def domain_error(error: "asyncpg.IntegrityConstraintViolationError") -> Exception:
    """The domain error of a broken constraint, or the error itself when it means none."""
    known = _CONSTRAINTS.get(error.constraint_name or "")
    if known is AlreadyThere:
        # Key (concert_schedule_id, seat_number)=(7, A-12) already exists.
        seat = (error.detail or "").partition(")=(")[2].partition(", ")[2].rpartition(")")[0]
        return AlreadyThere(f"Seat {seat} is there already; nothing was added.")
    return known() if known is not None else error
