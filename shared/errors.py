"""Domain errors: data only. `shared.web` renders every one of them as RFC 9457 problem+json."""

from typing import Any, ClassVar


class OnsaleError(Exception):
    """A refusal with a stable code.

    `detail` tells the caller what to do; `extra` fields go into the problem document as they are
    and must never hold a credential or a header's value.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"
    title: ClassVar[str] = "Internal error"
    retryable: ClassVar[bool] = False
    extras: ClassVar[dict[str, Any]] = {}

    def __init__(
        self, detail: str | None = None, *, retry_after_s: int | None = None, **extra: Any
    ):
        super().__init__(detail or self.title)
        self.detail = detail or self.__doc__ or self.title
        self.retry_after_s = retry_after_s
        self.extra = extra

    def problem(self, request_id: str) -> dict[str, Any]:
        """The problem document (RFC 9457) of this error."""
        return {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "retryable": self.retryable,
            "request_id": request_id,
            **self.extra,
        }


class BadRequest(OnsaleError):
    """The request cannot be parsed, or a required header is missing."""

    status, code, title = 400, "bad_request", "Bad request"


class IdentityRequired(OnsaleError):
    """Send your identity token as 'Authorization: Bearer <token>'."""

    status, code, title = 401, "identity_required", "Identity required"


class IdentityInvalid(OnsaleError):
    """The identity token is not valid or has expired; sign in again."""

    status, code, title = 401, "identity_invalid", "Identity not valid"


class OperatorRequired(OnsaleError):
    """Operator routes need 'Authorization: Bearer <key>', one of those in ONSALE_ADMIN_KEY."""

    status, code, title = 401, "identity_required", "Operator key required"


class OperatorInvalid(OnsaleError):
    """The operator key is not valid."""

    status, code, title = 401, "identity_invalid", "Operator key not valid"


class SignatureInvalid(OnsaleError):
    """The event is not signed by the payment provider, or was signed too long ago."""

    status, code, title = 401, "signature_invalid", "Signature not valid"


class QueueTokenRequired(OnsaleError):
    """Join the room and send its token in the Queue-Token header."""

    status, code, title = 403, "queue_token_required", "Queue token required"


class QueueTokenInvalid(OnsaleError):
    """The queue token is not one of ours; join the room again."""

    status, code, title = 403, "queue_token_invalid", "Queue token not valid"


class QueueTokenWaiting(OnsaleError):
    """This place is still waiting in line."""

    status, code, title = 403, "queue_token_waiting", "Still waiting"
    retryable = True
    extras: ClassVar = {"position": int}


class QueueTokenExpired(OnsaleError):
    """This place has ended; join the room again."""

    status, code, title = 403, "queue_token_expired", "Queue token expired"
    extras: ClassVar = {"reason": str | None}


class QueueTokenForeign(OnsaleError):
    """The queue token belongs to another visitor or another room."""

    status, code, title = 403, "queue_token_foreign", "Queue token of somebody else"


class Forbidden(OnsaleError):
    """This is not allowed."""

    status, code, title = 403, "forbidden", "Forbidden"


class InsufficientBalance(OnsaleError):
    """The balance does not cover the payment."""

    status, code, title = 402, "insufficient_balance", "Insufficient balance"
    extras: ClassVar = dict.fromkeys(("shortfall", "balance", "total", "currency"), str)


class NotFound(OnsaleError):
    """There is nothing under this address."""

    status, code, title = 404, "not_found", "Not found"
    extras: ClassVar = {"seats": list[str]}


class MethodNotAllowed(OnsaleError):
    """This address does not know that method; see the Allow header."""

    status, code, title = 405, "method_not_allowed", "Method not allowed"


class SeatTaken(OnsaleError):
    """Another booking holds a seat of this request; choose others."""

    status, code, title = 409, "seat_taken", "Seat taken"
    extras: ClassVar = {"seats": list[str]}


class OrphanSeat(OnsaleError):
    """A free seat would be left alone between taken ones, and there is another choice: take it too,
    or take others."""

    status, code, title = 409, "orphan_seat", "A seat left alone"
    extras: ClassVar = {"seats": list[str]}


class LimitExceeded(OnsaleError):
    """More seats than one visitor may hold of this date."""

    status, code, title = 409, "limit_exceeded", "Limit of seats exceeded"
    extras: ClassVar = {"limit": int, "live_seats": int}


class NotSoldOut(OnsaleError):
    """There are free seats of this date: hold one."""

    status, code, title = 409, "not_sold_out", "Not sold out"


class SaleStopped(OnsaleError):
    """Seats of this date are not sold, for now or for good."""

    status, code, title = 409, "sale_stopped", "Sale stopped"


class NotPayable(OnsaleError):
    """A booking of this request is canceled or already paid."""

    status, code, title = 409, "not_payable", "Not payable"
    extras: ClassVar = {"bookings": list[int]}


class NotRefundable(OnsaleError):
    """Not paid, canceled already, or less than that is left to be given back."""

    status, code, title = 409, "not_refundable", "Not refundable"
    extras: ClassVar = {"refundable": str}


class NotConfirmed(OnsaleError):
    """The booking is not paid yet; pay it to get its ticket."""

    status, code, title = 409, "not_confirmed", "Not confirmed"


class TicketVoid(OnsaleError):
    """The booking of this ticket was canceled; it admits nobody."""

    status, code, title = 409, "ticket_void", "Ticket void"


class TicketUsed(OnsaleError):
    """This ticket has admitted somebody already."""

    status, code, title = 409, "ticket_used", "Ticket used"
    extras: ClassVar = {"used_at": str, "gate": str}


class TicketOfOtherDate(OnsaleError):
    """This ticket is for another date; it was not used."""

    status, code, title = 409, "ticket_other_date", "Ticket of another date"
    extras: ClassVar = {"concert_schedule_id": int, "schedule_date": str}


class TicketInvalid(OnsaleError):
    """This is no ticket of ours: forged, damaged, or signed with a key that is gone."""

    status, code, title = 422, "ticket_invalid", "Ticket not valid"


class NotExtendable(OnsaleError):
    """A hold is extended once, while it lasts, and not on every date."""

    status, code, title = 409, "not_extendable", "Not extendable"


class RequestInProgress(OnsaleError):
    """The first request with this Idempotency-Key is still running; ask again with the same key."""

    status, code, title = 409, "request_in_progress", "Request in progress"
    retryable = True


class RoomClosed(OnsaleError):
    """The room lets nobody join any more."""

    status, code, title = 409, "room_closed", "Room closed"
    extras: ClassVar = {"reason": str}


class ScheduleCanceled(OnsaleError):
    """This date was canceled, which is final."""

    status, code, title = 409, "schedule_canceled", "Date canceled"


class BookingExpired(OnsaleError):
    """The hold ended before it was paid; hold seats again."""

    status, code, title = 410, "booking_expired", "Booking expired"
    extras: ClassVar = {"bookings": list[int]}


class VersionConflict(OnsaleError):
    """Somebody changed this in between; read it again and repeat with its new ETag."""

    status, code, title = 412, "version_conflict", "Version conflict"


class PreconditionRequired(OnsaleError):
    """Send If-Match with the ETag you read, or '*'."""

    status, code, title = 428, "precondition_required", "Precondition required"


class TooLarge(OnsaleError):
    """The body is larger than this route takes."""

    status, code, title = 413, "too_large", "Too large"


class UnsupportedMediaType(OnsaleError):
    """Send the body as application/json."""

    status, code, title = 415, "unsupported_media_type", "Unsupported media type"


class HeadersTooLarge(OnsaleError):
    """The request line or a header is too large."""

    status, code, title = 431, "headers_too_large", "Headers too large"


class ValidationFailed(OnsaleError):
    """The body does not fit the schema."""

    status, code, title = 422, "validation_failed", "Validation failed"


class IdempotencyKeyReused(OnsaleError):
    """This Idempotency-Key was used for another request; take a new key."""

    status, code, title = 422, "idempotency_key_reused", "Idempotency-Key reused"


class TooManyRequests(OnsaleError):
    """Too many requests; wait and try again."""

    status, code, title = 429, "too_many_requests", "Too many requests"
    retryable = True


class HoldChurn(OnsaleError):
    """Too many seats of this date were held and let go again; wait before holding others."""

    status, code, title = 429, "hold_churn", "Too many seats let go"
    retryable = True
    extras: ClassVar = {"retry_after_s": int}

    def __init__(self, detail: str | None = None, *, retry_after_s: int = 1, **extra: Any):
        super().__init__(detail, retry_after_s=retry_after_s, **extra)
        self.extra = {**self.extra, "retry_after_s": retry_after_s}


class Unavailable(OnsaleError):
    """A store does not answer right now. If you sent an Idempotency-Key, ask again with it."""

    status, code, title = 503, "unavailable", "Unavailable"
    retryable = True

    def __init__(self, detail: str | None = None, *, retry_after_s: int = 1, **extra: Any):
        super().__init__(detail, retry_after_s=retry_after_s, **extra)
