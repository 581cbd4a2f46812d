"""One way to break the sale, and the statements that several ways share."""

from dataclasses import dataclass

Command = tuple[str | int | float, ...]


@dataclass(frozen=True)
class Breakage:
    """What is done by hand, and what must be named for it."""

    breaks: str
    name: str
    sql: str = ""
    redis: tuple[Command, ...] = ()
    #: Text of the offending rows.
    shows: str = ""
    #: What cannot but break with it.
    also: tuple[str, ...] = ()


def drop(table: str, *constraints: str) -> str:
    """Take away what forbids the breakage."""
    return "".join(f"ALTER TABLE {table} DROP CONSTRAINT {name};" for name in constraints)


def answered(user: int, key: str, response: str) -> str:
    return (
        "INSERT INTO idempotency_key (user_id, method, path, key, fingerprint, status, response)"
        f" VALUES ({user}, 'POST', '/v1/by-hand', '{key}', '', 201, {response});"
    )


def booking(seat: int, *, key: str | None = "by-hand") -> str:
    """Bob's fifth booking, of this seat, which knows nothing of it: counted and answered."""
    insert = (
        "INSERT INTO concert_booking (concert_booking_id, user_id, concert_seat_id,"
        " concert_schedule_id, room_id, token_value, price, expiration_at) OVERRIDING SYSTEM VALUE"
        f" SELECT 5, 2, {seat}, 1, room_id, token_value, 50, expiration_at"
        " FROM concert_booking WHERE concert_booking_id = 3;"
        "UPDATE user_schedule SET live_seats = live_seats + 1 WHERE user_id = 2;"
    )
    named = """'{"bookings": [{"concert_booking_id": 5}]}'"""
    return insert + ("" if key is None else answered(2, key, named))


def payment(booking: int, user: int, amount: int) -> str:
    """The third payment, from this user's balance, and answered."""
    named = """'{"payments": [{"payment_id": 3}]}'"""
    return (
        f"UPDATE users SET balance = balance - {amount} WHERE user_id = {user};"
        "INSERT INTO payment (payment_id, concert_booking_id, payment_amount)"
        f" OVERRIDING SYSTEM VALUE VALUES (3, {booking}, {amount});"
        "INSERT INTO ledger (user_id, kind, amount, balance_after, payment_id)"
        f" SELECT {user}, 'PAYMENT', -{amount}, balance, 3 FROM users WHERE user_id = {user};"
        + answered(user, "paid-by-hand", named)
    )


def refund(payment: int, amount: int, *, given_to: int = 1) -> str:
    """The first refund, of one of ann's payments, to this visitor's balance."""
    return (
        f"UPDATE users SET balance = balance + {amount} WHERE user_id = {given_to};"
        "INSERT INTO ledger (ledger_id, user_id, kind, amount, balance_after, payment_id)"
        f" OVERRIDING SYSTEM VALUE SELECT 90, {given_to}, 'REFUND', {amount}, balance, {payment}"
        f" FROM users WHERE user_id = {given_to};"
        "INSERT INTO refund (refund_id, payment_id, ledger_id, refund_amount, reason)"
        f" OVERRIDING SYSTEM VALUE VALUES (9, {payment}, 90, {amount}, 'by hand');"
        f"UPDATE payment SET refunded_amount = refunded_amount + {amount}"
        f" WHERE payment_id = {payment};"
    )


def ended(booking: int, seat: int, reason: str) -> str:
    """One of ann's bookings is CANCELED, and its seat free."""
    return (
        f"UPDATE concert_seat SET status = 'AVAILABLE', concert_booking_id = NULL,"
        f" held_until = NULL WHERE concert_seat_id = {seat};"
        f"UPDATE concert_booking SET status = 'CANCELED', canceled_reason = '{reason}'"
        f" WHERE concert_booking_id = {booking};"
        "UPDATE user_schedule SET live_seats = live_seats - 1 WHERE user_id = 1;"
    )


def waits(
    user: int, status: str, *, booking: int | None = None, reason: str = "", entry: int = 1
) -> str:
    """A place in the waiting list, by the token of the visitor's bookings."""
    return (
        "INSERT INTO waitlist (waitlist_id, user_id, concert_schedule_id, room_id, token_value,"
        " status, reason, concert_booking_id, created_at) OVERRIDING SYSTEM VALUE"
        f" SELECT {entry}, {user}, 1, room_id, token_value, '{status}', nullif('{reason}', ''),"
        f" {booking or 'NULL'}, created_at FROM concert_booking WHERE user_id = {user} LIMIT 1;"
    )


def intent(status: str, *, bookings: str = "{1}", amount: int = 50) -> str:
    """The first payment intent, of ann, and answered."""
    named = """'{"payment_intent_id": 1}'"""
    return (
        "INSERT INTO payment_intent (payment_intent_id, user_id, room_id, concert_booking_ids,"
        " amount, provider, reference, status) OVERRIDING SYSTEM VALUE"
        f" VALUES (1, 1, 'room-a', '{bookings}', {amount}, 'local', 'pi-1', '{status}');"
        + answered(1, "intent-by-hand", named)
    )


SEAT_STATE = drop("concert_seat", "concert_seat_state")
BOOKING_STATE = drop("concert_booking", "concert_booking_state")
ONE_LIVE = "DROP INDEX concert_booking_one_live_per_seat;"
