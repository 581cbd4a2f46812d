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


SEAT_STATE = drop("concert_seat", "concert_seat_state")
BOOKING_STATE = drop("concert_booking", "concert_booking_state")
ONE_LIVE = "DROP INDEX concert_booking_one_live_per_seat;"
