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
INSERT INTO refund (payment_id, ledger_id, refund_amount, reason) VALUES (1, 2, 0, 'owner');
INSERT INTO payment_intent (user_id, room_id, concert_booking_ids, amount, provider, key, reference)
VALUES (1, 'room-a', '{1}', 50, 'provider', '00000000-0000-0000-0000-000000000001', 'pi_1');
INSERT INTO provider_event VALUES ('provider', 'evt_1', 'intent.succeeded', 1, now());
UPDATE ledger SET payment_intent_id = 1 WHERE ledger_id = 1;
INSERT INTO waitlist (user_id, concert_schedule_id, room_id, token_value, status,
                      concert_booking_id)
VALUES (1, 1, 'room-a', 'room-a.1.1', 'OFFERED', 1);
INSERT INTO checkin (concert_booking_id, operator, used_at) VALUES (2, 'gate', now());
INSERT INTO schedule_job (concert_schedule_id, kind, reason, operator, total)
VALUES (1, 'cancel', 'ill', 'eve', 2);
"""

BOOKING = (
    "INSERT INTO concert_booking (user_id, concert_seat_id, concert_schedule_id, room_id,"
    " token_value, price, expiration_at) VALUES ({}, 1, 'room-a', 'room-a.1.2', {}, now())"
)
KEY = "INSERT INTO idempotency_key (user_id, method, path, key, fingerprint, status, response)"
TOKEN = "INSERT INTO queue (token_value, room_id, generation, number, visitor, status)"
PAYMENT = "INSERT INTO payment (concert_booking_id, payment_amount) VALUES ({})"
LEDGER = "INSERT INTO ledger (user_id, kind, amount, balance_after, payment_id) VALUES ({})"
REFUND = "INSERT INTO refund (payment_id, ledger_id, refund_amount, reason) VALUES ({}, 'x')"
INTENT = (
    "INSERT INTO payment_intent (user_id, room_id, concert_booking_ids, amount, provider)"
    " VALUES ({}, 'room-a', '{{1}}', {}, 'provider')"
)
WAITING = (
    "INSERT INTO waitlist (user_id, concert_schedule_id, room_id, token_value)"
    " VALUES ({}, 'room-a', 'room-a.1.1')"
)
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
    "concert_refund_percent": [
        "UPDATE concert SET refund_percent = -1",
        "UPDATE concert SET refund_percent = 101",
    ],
    "concert_schedule_state": ["UPDATE concert_schedule SET state = 'gone'"],
    "concert_schedule_extension": [
        "UPDATE concert_schedule SET hold_extension_s = -1",
        "UPDATE concert_schedule SET hold_extension_s = 86401",
    ],
    "concert_schedule_churn": [
        "UPDATE concert_schedule SET max_let_go_per_hour = -1",
        "UPDATE concert_schedule SET max_let_go_per_hour = 10001",
    ],
    "concert_schedule_offer_ttl": [
        "UPDATE concert_schedule SET offer_ttl_s = 0",
        "UPDATE concert_schedule SET offer_ttl_s = 86401",
    ],
    "user_schedule_own_limit": [
        "UPDATE user_schedule SET own_limit = -1",
        "UPDATE user_schedule SET own_limit = 101",
    ],
    "waitlist_of_user": [WAITING.format("9, 1")],
    "waitlist_of_schedule": [WAITING.format("2, 9")],
    "waitlist_of_booking": ["UPDATE waitlist SET concert_booking_id = 9"],
    "waitlist_state": [
        "UPDATE waitlist SET status = 'LOST', reason = 'left'",
        "UPDATE waitlist SET status = 'WAITING'",
        "UPDATE waitlist SET concert_booking_id = NULL",
        "UPDATE waitlist SET reason = 'taken'",
        "UPDATE waitlist SET status = 'ENDED'",
    ],
    "waitlist_one_live_per_user": [WAITING.format("1, 1")],
    "waitlist_offer_once": [
        (
            "INSERT INTO waitlist (user_id, concert_schedule_id, room_id, token_value, status,"
            " concert_booking_id) VALUES (2, 1, 'room-a', 'room-a.1.1', 'OFFERED', 1)"
        )
    ],
    "payment_intent_of_user": [INTENT.format(9, 1)],
    "payment_intent_amount": [INTENT.format(1, 0), INTENT.format(1, -1)],
    "payment_intent_key_once": [
        (
            f"{INTENT.format(1, 1)}; UPDATE payment_intent SET key ="
            " '00000000-0000-0000-0000-000000000001'"
        )
    ],
    "payment_intent_reference_once": [
        f"{INTENT.format(1, 1)}; UPDATE payment_intent SET reference = 'pi_1'"
    ],
    "payment_intent_status": ["UPDATE payment_intent SET status = 'lost'"],
    "provider_event_of_intent": ["UPDATE provider_event SET payment_intent_id = 9"],
    "provider_event_once": ["INSERT INTO provider_event SELECT * FROM provider_event"],
    "payment_of_intent": ["UPDATE payment SET payment_intent_id = 9"],
    "payment_refunded_within": [
        "UPDATE payment SET refunded_amount = -0.01",
        "UPDATE payment SET refunded_amount = 50.01",
    ],
    "ledger_of_intent": ["UPDATE ledger SET payment_intent_id = 9 WHERE ledger_id = 1"],
    "ledger_intent_once": [
        (
            "INSERT INTO ledger (user_id, kind, amount, balance_after, payment_intent_id)"
            " VALUES (1, 'CHARGE', 1, 1, 1)"
        )
    ],
    "ledger_intent_is_charge": ["UPDATE ledger SET payment_intent_id = 1 WHERE ledger_id = 2"],
    "refund_of_payment": [REFUND.format("9, 1, 0")],
    "refund_of_movement": [REFUND.format("1, 9, 0")],
    "refund_movement_once": [REFUND.format("1, 2, 0")],
    "refund_amount_not_negative": [REFUND.format("1, 1, -0.01")],
    "checkin_once": ["INSERT INTO checkin SELECT * FROM checkin"],
    "checkin_of_booking": ["UPDATE checkin SET concert_booking_id = 9"],
    "schedule_job_of_schedule": ["UPDATE schedule_job SET concert_schedule_id = 9"],
    "schedule_job_kind": ["UPDATE schedule_job SET kind = 'move'"],
    "schedule_job_refund_percent": [
        "UPDATE schedule_job SET refund_percent = -1",
        "UPDATE schedule_job SET refund_percent = 101",
    ],
    "schedule_job_one_at_a_time": [
        (
            "INSERT INTO schedule_job (concert_schedule_id, kind, reason, operator, total)"
            " VALUES (1, 'cancel', 'ill', 'eve', 2)"
        )
    ],
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
