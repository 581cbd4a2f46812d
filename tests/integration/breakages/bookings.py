"""Breaking bookings (B4, B5, B9, B10, B11) and money (B3, B6, B7, B8)."""

from tests.integration.breakages.breakage import (
    BOOKING_STATE,
    Breakage,
    answered,
    booking,
    drop,
    payment,
)

BOOKINGS = (
    Breakage(
        "B4",
        "paid after its deadline",
        "UPDATE concert_booking SET expiration_at = created_at WHERE concert_booking_id = 1;",
        shows="'concert_booking_id': 1",
    ),
    Breakage(
        "B4",
        "paid at its deadline",
        "UPDATE concert_booking b SET expiration_at = p.created_at FROM payment p"
        " WHERE p.concert_booking_id = b.concert_booking_id AND p.payment_id = 2;",
        shows="'concert_booking_id': 2",
    ),
    Breakage(
        "B5",
        "CANCELED with a seat",
        "UPDATE concert_seat SET status = 'RESERVED', concert_booking_id = 4, held_until = now()"
        " WHERE concert_seat_id = 4;",
        shows="'concert_seat_id': 4",
        also=("B2",),  # RESERVED without a PENDING booking
    ),
    Breakage("B5", "CANCELED, and paid", payment(4, 2, 50), shows="'payment_id': 3"),
    Breakage(
        "B5",
        "back after its end",
        BOOKING_STATE
        + "UPDATE concert_booking SET status = 'PENDING' WHERE concert_booking_id = 4;"
        "UPDATE concert_seat s SET status = 'RESERVED', concert_booking_id = 4,"
        " held_until = b.expiration_at FROM concert_booking b"
        " WHERE b.concert_booking_id = 4 AND s.concert_seat_id = 4;"
        "UPDATE user_schedule SET live_seats = 2 WHERE user_id = 2;",
        shows="'status': 'PENDING'",
    ),
    Breakage(
        "B9",
        "a hold nobody swept",
        "UPDATE concert_booking SET expiration_at = now() - interval '6 seconds'"
        " WHERE concert_booking_id = 3;"
        "UPDATE concert_seat s SET held_until = b.expiration_at FROM concert_booking b"
        " WHERE b.concert_booking_id = 3 AND s.concert_seat_id = 3;",
        shows="'concert_booking_id': 3",
    ),
    Breakage(
        "B10",
        "counted too few",
        "UPDATE user_schedule SET live_seats = 1 WHERE user_id = 1;",
        shows="'counted': 1",
    ),
    Breakage(
        "B10", "not counted", "DELETE FROM user_schedule WHERE user_id = 1;", shows="'live': 2"
    ),
    Breakage(
        "B10",
        "counted, and there is nothing",
        "INSERT INTO concert_schedule (concert_schedule_id, concert_id, schedule_date)"
        " OVERRIDING SYSTEM VALUE VALUES (2, 1, now());"
        "INSERT INTO user_schedule VALUES (2, 2, 1, 4);",
        shows="'live': 0",
    ),
    Breakage(
        "B10",
        "above the limit that was counted to",
        drop("user_schedule", "user_schedule_within_limit")
        + "UPDATE user_schedule SET seat_limit = 1 WHERE user_id = 1;",
        shows="'seat_limit': 1",
    ),
    Breakage(
        "B10",
        "above the date's limit",
        "UPDATE concert_schedule SET max_seats_per_user = 1,"
        " limited_at = now() - interval '1 hour';",
        shows="'max_seats_per_user': 1",
    ),
    Breakage(
        "B11",
        "a token that the journal does not know",
        "UPDATE concert_booking SET token_value = 'room-a.1.77' WHERE concert_booking_id = 3;",
        shows="room-a.1.77",
    ),
    Breakage(
        "B11",
        "a token that was never admitted",
        "UPDATE queue SET admitted_at = NULL WHERE visitor = 'ann';",
        shows="'admitted_at': None",
    ),
    Breakage(
        "B11",
        "another visitor's token",
        "UPDATE queue SET visitor = 'eve' WHERE visitor = 'ann';",
        shows="'visitor': 'eve'",
    ),
    Breakage(
        "B11",
        "a booking of another room than its token",
        "UPDATE concert_booking SET room_id = 'room-b' WHERE concert_booking_id = 3;",
        shows="'room_id': 'room-b'",
    ),
    Breakage(
        "B11",
        "a token of another room than the concert's",
        "UPDATE concert SET room_id = 'room-b';",
        shows="'guarded_by': 'room-b'",
    ),
)

MONEY = (
    Breakage(
        "B3",
        "two payments",
        drop("payment", "payment_one_per_booking") + payment(1, 1, 0),
        shows="[1, 3]",
    ),
    Breakage(
        "B3",
        "paid less than its price",
        "UPDATE payment SET payment_amount = 49 WHERE payment_id = 2;"
        "UPDATE ledger SET amount = -49, balance_after = 1 WHERE payment_id = 2;"
        "UPDATE users SET balance = 1 WHERE user_id = 1;",
        shows="'payments': [2]",
    ),
    Breakage(
        "B3",
        "a price changed after it was paid",
        "UPDATE concert_booking SET price = 60 WHERE concert_booking_id = 1;",
        shows="'concert_booking_id': 1",
    ),
    Breakage(
        "B3",
        "a payment of no booking",
        drop("payment", "payment_of_booking")
        + "UPDATE payment SET concert_booking_id = 99 WHERE payment_id = 2;",
        shows="'concert_booking_id': 99",
        # The booking it was for is not paid, and its payer not known.
        also=("B2", "B4", "B7"),
    ),
    Breakage(
        "B6",
        "a balance below zero",
        drop("users", "users_balance_not_negative")
        + drop("ledger", "ledger_balance_not_negative", "ledger_movement")
        + "INSERT INTO ledger (user_id, kind, amount, balance_after)"
        " VALUES (2, 'CHARGE', -80, -5);"
        "UPDATE users SET balance = -5 WHERE user_id = 2;"
        "INSERT INTO idempotency_key VALUES"
        " (2, 'POST', '/v1/users/me/charges', 'by-hand', '', 201, '{}');",
        shows="'user_id': 2",
    ),
    Breakage(
        "B6",
        "a balance without its ledger",
        "UPDATE users SET balance = 76 WHERE user_id = 2;",
        shows="'user_id': 2",
        also=("B7",),  # money from nowhere
    ),
    Breakage(
        "B6",
        "a movement without its balance",
        "UPDATE ledger SET amount = 6 WHERE ledger_id = 3;",
        shows="'user_id': 2",
        also=("B7",),
    ),
    Breakage(
        "B6",
        "a balance that was wrong for a while",
        "UPDATE ledger SET balance_after = 71 WHERE ledger_id = 2;",
        shows="'wrong_since_ledger_id': 2",
    ),
    Breakage(
        "B6",
        "money of nobody",
        drop("ledger", "ledger_of_user")
        + "INSERT INTO ledger (user_id, kind, amount, balance_after) VALUES (99, 'CHARGE', 1, 1);",
        shows="'user_id': 99",
        also=("B7", "B8"),
    ),
    Breakage(
        "B7",
        "paid from another visitor's balance",
        "UPDATE ledger SET user_id = 2, balance_after = 25 WHERE ledger_id = 4;"
        "UPDATE ledger SET balance_after = 50 WHERE ledger_id = 5;"
        "UPDATE users SET balance = CASE user_id WHEN 1 THEN 50 ELSE 25 END;",
        shows="'user_id': 2",
    ),
    Breakage(
        "B7",
        "a payment that nobody's balance felt",
        "DELETE FROM ledger WHERE ledger_id = 5; UPDATE users SET balance = 50 WHERE user_id = 1;",
        shows="'user_id': 1",
    ),
    Breakage(
        "B8",
        "a key with two answers",
        drop("idempotency_key", "idempotency_key_pkey")
        + answered(1, "twice", "'{}'")
        + answered(1, "twice", "'{}'"),
        shows="['twice', 'twice']",
    ),
    Breakage(
        "B8",
        "two keys for one booking",
        answered(2, "again", """'{"bookings": [{"concert_booking_id": 3}]}'"""),
        shows="'again'",
    ),
    Breakage(
        "B8",
        "two keys for one payment",
        answered(1, "again", """'{"payments": [{"payment_id": 1}]}'"""),
        shows="'again'",
    ),
    Breakage(
        "B8",
        "an answer without its booking",
        answered(2, "nothing", """'{"bookings": [{"concert_booking_id": 99}]}'"""),
        shows="'nothing'",
    ),
    Breakage(
        "B8",
        "an answer without its payment",
        answered(2, "nothing", """'{"payments": [{"payment_id": 99}]}'"""),
        shows="'nothing'",
    ),
    Breakage(
        "B8",
        "an answer without its charge",
        "INSERT INTO idempotency_key VALUES"
        " (2, 'POST', '/v1/users/me/charges', 'nothing', '', 201, '{}');",
        shows="'nothing'",
    ),
    Breakage(
        "B8",
        "a second booking without an answer",
        booking(5, key=None)
        + "UPDATE concert_seat s SET status = 'RESERVED', concert_booking_id = 5,"
        " held_until = b.expiration_at FROM concert_booking b"
        " WHERE b.concert_booking_id = 5 AND s.concert_seat_id = 5;",
        shows="'kind': 'booking', 'id': 5",
    ),
    Breakage(
        "B8",
        "a payment without an answer",
        "DELETE FROM idempotency_key WHERE path = '/v1/payments';",
        shows="'kind': 'payment', 'id': 1",
    ),
    Breakage(
        "B8",
        "a second charge without an answer",
        "INSERT INTO ledger (user_id, kind, amount, balance_after) VALUES (2, 'CHARGE', 5, 80);"
        "UPDATE users SET balance = 80 WHERE user_id = 2;",
        shows="'kind': 'charge'",
    ),
    Breakage(
        "B8",
        "another visitor's answer",
        "UPDATE idempotency_key SET user_id = 1 WHERE user_id = 2 AND path LIKE '%/bookings';",
        shows="'kind': 'booking', 'id': 3",
    ),
)
