"""The constraints of the sale by themselves: each refuses the row that it forbids.

Statements check before they write, so in a sale no constraint speaks; these rows come by hand.
"""

import asyncpg
import pytest

#: Two visitors, two dates; A-1 is held, A-2 paid, A-3 free; all ids count from 1.
SOME_SALE = """
INSERT INTO users (external_id, user_name, balance) VALUES ('ada', 'Ada', 50), ('bob', 'Bob', 0);
INSERT INTO concert (concert_name, room_id) VALUES ('Nina Simone', 'room-a');
INSERT INTO concert_schedule (concert_id, schedule_date, seats_loaded)
VALUES (1, now() + interval '30 days', 3), (1, now() + interval '31 days', 0);
INSERT INTO concert_seat (concert_schedule_id, seat_number, price)
VALUES (1, 'A-1', 50), (1, 'A-2', 50), (1, 'A-3', 50);
INSERT INTO concert_booking (user_id, concert_seat_id, concert_schedule_id, room_id, token_value,
                             price, expiration_at)
SELECT 1, n, 1, 'room-a', 'room-a.1.1', 50, now() + interval '5 minutes'
FROM (VALUES (1), (2)) v(n);
UPDATE concert_seat SET status = 'RESERVED', concert_booking_id = 1,
                        held_until = now() + interval '5 minutes' WHERE concert_seat_id = 1;
UPDATE concert_booking SET status = 'CONFIRMED' WHERE concert_booking_id = 2;
UPDATE concert_seat SET status = 'SOLD', concert_booking_id = 2 WHERE concert_seat_id = 2;
INSERT INTO payment (concert_booking_id, payment_amount) VALUES (2, 50);
INSERT INTO ledger (user_id, kind, amount, balance_after, payment_id)
VALUES (1, 'CHARGE', 100, 100, NULL), (1, 'PAYMENT', -50, 50, 1);
INSERT INTO user_schedule VALUES (1, 1, 2, 4);
INSERT INTO idempotency_key (user_id, method, path, key, fingerprint, status, response)
VALUES (1, 'POST', '/v1/payments', 'k', 'x', 201, '{}');
INSERT INTO token_completion (token_value, room_id, visitor, generation, number, next_attempt_at)
VALUES ('room-a.1.1', 'room-a', 'ada', 1, 1, now());
INSERT INTO queue (token_value, room_id, generation, number, visitor, status)
VALUES ('room-a.1.1', 'room-a', 1, 1, 'ada', 'ACTIVE');
"""

BOOKING = (
    "INSERT INTO concert_booking (user_id, concert_seat_id, concert_schedule_id, room_id,"
    " token_value, price, expiration_at) VALUES ({}, 1, 'room-a', 'room-a.1.2', {}, now())"
)
KEY = "INSERT INTO idempotency_key (user_id, method, path, key, fingerprint, status, response)"
TOKEN = "INSERT INTO queue (token_value, room_id, generation, number, visitor, status)"
PAYMENT = "INSERT INTO payment (concert_booking_id, payment_amount) VALUES ({})"
LEDGER = "INSERT INTO ledger (user_id, kind, amount, balance_after, payment_id) VALUES ({})"
SEAT = "UPDATE concert_seat SET {} WHERE concert_seat_id = 3"

#: By constraint: what it forbids.
FORBIDDEN = {
    "users_external_id_key": ["INSERT INTO users (external_id, user_name) VALUES ('ada', 'x')"],
    "users_balance_not_negative": ["UPDATE users SET balance = -0.01 WHERE user_id = 1"],
    "users_text_bounded": [
        "INSERT INTO users (external_id, user_name) VALUES ('', 'x')",
        "UPDATE users SET user_name = repeat('x', 256)",
    ],
    "concert_schedule_of_concert": [
        "INSERT INTO concert_schedule (concert_id, schedule_date) VALUES (9, now())",
        "DELETE FROM concert",
    ],
    "concert_schedule_hold_ttl": [
        "UPDATE concert_schedule SET hold_ttl_s = 0",
        "UPDATE concert_schedule SET hold_ttl_s = 86401",
    ],
    "concert_schedule_limit": [
        "UPDATE concert_schedule SET max_seats_per_user = 0",
        "UPDATE concert_schedule SET max_seats_per_user = 101",
    ],
    "concert_seat_of_schedule": [
        "INSERT INTO concert_seat (concert_schedule_id, seat_number, price) VALUES (9, 'A-1', 1)"
    ],
    "concert_seat_number_once": [
        "INSERT INTO concert_seat (concert_schedule_id, seat_number, price) VALUES (1, 'A-1', 1)"
    ],
    "concert_seat_price_not_negative": [SEAT.format("price = -0.01")],
    "concert_seat_state": [
        SEAT.format("status = 'LOST'"),
        SEAT.format("concert_booking_id = 1"),
        SEAT.format("held_until = now()"),
        SEAT.format("status = 'RESERVED'"),
        SEAT.format("status = 'RESERVED', concert_booking_id = 1"),
        SEAT.format("status = 'RESERVED', held_until = now()"),
        SEAT.format("status = 'SOLD'"),
        SEAT.format("status = 'SOLD', concert_booking_id = 1, held_until = now()"),
    ],
    "concert_seat_has_booking": [SEAT.format("status = 'SOLD', concert_booking_id = 99")],
    "concert_booking_of_user": [BOOKING.format("9, 3", "50")],
    "concert_booking_of_seat": [BOOKING.format("1, 99", "50")],
    "concert_booking_price_not_negative": [BOOKING.format("1, 3", "-0.01")],
    "concert_booking_state": [
        "UPDATE concert_booking SET status = 'LOST'",
        "UPDATE concert_booking SET status = 'CANCELED'",
        "UPDATE concert_booking SET status = 'CANCELED', canceled_reason = 'whim'",
        "UPDATE concert_booking SET canceled_reason = 'owner'",
    ],
    "concert_booking_one_live_per_seat": [
        BOOKING.format("2, 1", "50"),
        BOOKING.format("2, 2", "50"),
    ],
    "payment_one_per_booking": [PAYMENT.format("2, 50")],
    "payment_of_booking": [PAYMENT.format("99, 50")],
    "payment_amount_not_negative": [PAYMENT.format("1, -0.01")],
    "ledger_of_user": [LEDGER.format("9, 'CHARGE', 1, 1, NULL")],
    "ledger_balance_not_negative": [LEDGER.format("1, 'CHARGE', 1, -0.01, NULL")],
    "ledger_of_payment": [LEDGER.format("1, 'PAYMENT', -1, 1, 99")],
    "ledger_payment_once": [LEDGER.format("1, 'PAYMENT', -50, 0, 1")],
    "ledger_movement": [
        LEDGER.format("1, 'GIFT', 1, 1, NULL"),
        LEDGER.format("1, 'CHARGE', 0, 1, NULL"),
        LEDGER.format("1, 'CHARGE', 1, 1, 1"),
        LEDGER.format("1, 'PAYMENT', 1, 1, 1"),
        LEDGER.format("1, 'PAYMENT', -1, 1, NULL"),
        LEDGER.format("1, 'REFUND', -1, 1, 1"),
        LEDGER.format("1, 'REFUND', 1, 1, NULL"),
    ],
    "user_schedule_pkey": ["INSERT INTO user_schedule VALUES (1, 1, 1, 4)"],
    "user_schedule_user_id_fkey": ["INSERT INTO user_schedule VALUES (9, 1, 1, 4)"],
    "user_schedule_concert_schedule_id_fkey": ["INSERT INTO user_schedule VALUES (1, 9, 1, 4)"],
    "user_schedule_within_limit": [
        "UPDATE user_schedule SET live_seats = 5",
        "UPDATE user_schedule SET live_seats = -1",
    ],
    "idempotency_key_pkey": [f"{KEY} VALUES (1, 'POST', '/v1/payments', 'k', 'y', 201, 'null')"],
    "idempotency_key_user_id_fkey": ["UPDATE idempotency_key SET user_id = 9"],
    "token_completion_pkey": ["INSERT INTO token_completion SELECT * FROM token_completion"],
    "queue_token_value_key": [f"{TOKEN} VALUES ('room-a.1.1', 'room-a', 2, 1, 'bob', 'WAIT')"],
    "queue_number_once": [f"{TOKEN} VALUES ('room-a.1.x', 'room-a', 1, 1, 'bob', 'WAIT')"],
    "queue_status_known": ["UPDATE queue SET status = 'LOST'"],
}


async def test_what_a_constraint_forbids_is_refused_by_it(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(SOME_SALE)
        for constraint, statements in FORBIDDEN.items():
            for statement in statements:
                with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refused:
                    await connection.execute(statement)
                assert refused.value.constraint_name == constraint, statement
    finally:
        await connection.close()


async def test_every_constraint_of_the_sale_is_among_them(database_url: str) -> None:
    """Primary keys of generated ids aside: nobody can write those by hand."""
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch(
            "SELECT conname AS name FROM pg_constraint c"
            " JOIN pg_class t ON t.oid = c.conrelid"
            " WHERE t.relnamespace = 'public'::regnamespace AND contype IN ('c', 'f', 'u', 'p')"
            " AND t.relname <> 'alembic_version'"
            " AND NOT (contype = 'p' AND EXISTS (SELECT FROM pg_attribute a"
            "          WHERE a.attrelid = t.oid AND a.attnum = c.conkey[1]"
            "                                   AND a.attidentity = 'a'))"
            " UNION SELECT relname FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid"
            " WHERE i.indisunique AND i.indpred IS NOT NULL"
            " AND x.relnamespace = 'public'::regnamespace"
        )
    finally:
        await connection.close()
    assert {row["name"] for row in rows} == set(FORBIDDEN)
