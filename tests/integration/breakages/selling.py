"""Breaking what selling adds: refunds, offers, extensions, a provider's payments, dates' ends."""

from tests.integration.breakages.breakage import (
    Breakage,
    answered,
    drop,
    ended,
    intent,
    refund,
    waits,
)

#: The provider collected ann's first payment, instead of the operator's demo.
PAID_WITH = (
    "UPDATE payment SET payment_intent_id = 1 WHERE payment_id = 1;"
    "DELETE FROM idempotency_key WHERE path = '/v1/payments';"
    "INSERT INTO idempotency_key VALUES (1, 'POST', '/v1/payments', 'second', '', 201,"
    """ '{"payments": [{"payment_id": 2}]}');"""
)
CHARGED = (
    "UPDATE users SET balance = balance + 50 WHERE user_id = 1;"
    "INSERT INTO ledger (user_id, kind, amount, balance_after, payment_intent_id)"
    " SELECT 1, 'CHARGE', 50, balance, 1 FROM users WHERE user_id = 1;"
)
JOB = (
    "INSERT INTO schedule_job (concert_schedule_id, kind, reason, operator, total, done,"
    " finished_at) VALUES (1, 'cancel', 'rain', 'ada', {}, {}, {});"
)
CHECKED_IN = (
    "INSERT INTO checkin (concert_booking_id, operator, used_at) VALUES ({}, 'ada', now());"
)

OFFERS = (
    Breakage(
        "B2",
        "an offer of nothing",
        drop("waitlist", "waitlist_state") + waits(2, "OFFERED"),
        shows="'booking': None",
    ),
    Breakage(
        "B2",
        "an offer of somebody else's booking",
        waits(1, "OFFERED", booking=3),
        shows="'waitlist_id': 1",
    ),
    Breakage(
        "B2",
        "an offer that was let go",
        waits(2, "OFFERED", booking=4),
        shows="'booking': 4",
    ),
    Breakage(
        "B2",
        "taken, and not paid",
        waits(2, "ENDED", booking=3, reason="taken"),
        shows="'booking': 3",
    ),
    Breakage(
        "B2",
        "lapsed, and held",
        waits(2, "ENDED", booking=3, reason="lapsed"),
        shows="'reason': 'lapsed'",
    ),
    Breakage(
        "B2",
        "lapsed without an offer",
        waits(2, "ENDED", reason="lapsed"),
        shows="'reason': 'lapsed'",
    ),
    Breakage(
        "B2",
        "an offer past somebody who waits",
        waits(1, "WAITING", entry=1)
        + "UPDATE waitlist SET created_at = now() - interval '10 minutes';"
        + waits(2, "OFFERED", booking=3, entry=2)
        + "DELETE FROM idempotency_key WHERE response -> 'bookings' @>"
        """ '[{"concert_booking_id": 3}]';""",
        shows="'offered_instead': 2",
    ),
    Breakage(
        "B11",
        "in the waiting list by a token that was never admitted",
        waits(2, "WAITING") + "UPDATE waitlist SET token_value = 'room-a.1.77';",
        shows="'waits': 'bob'",
    ),
    Breakage(
        "B11",
        "in the waiting list by somebody else's token",
        waits(2, "WAITING") + "UPDATE waitlist SET user_id = 1;",
        shows="'visitor': 'bob'",
    ),
)

ENDS = (
    Breakage(
        "B5",
        "paid, CANCELED, and nothing said of a refund",
        ended(1, 1, "refunded"),
        shows="'payment_id': 1",
    ),
    Breakage(
        "B5",
        "refunded as if it had been a hold",
        refund(1, 50) + ended(1, 1, "owner"),
        shows="'canceled_reason': 'owner'",
    ),
    Breakage(
        "B5",
        "refunded without having been paid",
        "UPDATE concert_booking SET canceled_reason = 'refunded' WHERE concert_booking_id = 4;",
        shows="'concert_booking_id': 4",
    ),
    Breakage(
        "B5",
        "canceled, and it goes on",
        JOB.format(3, 1, "NULL"),
        shows="'state': 'on_sale'",
    ),
    Breakage(
        "B5",
        "canceled, finished, and something is left",
        JOB.format(3, 3, "now()") + "UPDATE concert_schedule SET state = 'canceled';",
        shows="'sold': 2",
    ),
    Breakage(
        "B5",
        "more done than there was",
        JOB.format(3, 4, "NULL") + "UPDATE concert_schedule SET state = 'canceled';",
        shows="'done': 4",
    ),
    Breakage("B4", "let in on a hold", CHECKED_IN.format(3), shows="'concert_booking_id': 3"),
    Breakage(
        "B4",
        "let in before it was paid",
        CHECKED_IN.format(1) + "UPDATE checkin SET created_at = now() - interval '1 day';",
        shows="'concert_booking_id': 1",
    ),
    Breakage(
        "B4",
        "let in after it was refunded",
        refund(1, 50)
        + ended(1, 1, "refunded")
        + "UPDATE concert_booking SET updated_at = now() - interval '1 ms'"
        " WHERE concert_booking_id = 1;" + CHECKED_IN.format(1),
        shows="'status': 'CANCELED'",
    ),
    Breakage(
        "B4",
        "refunded, and paid after its deadline",
        refund(1, 50)
        + ended(1, 1, "refunded")
        + "UPDATE concert_booking SET expiration_at = created_at WHERE concert_booking_id = 1;",
        shows="'concert_booking_id': 1",
    ),
)

REFUNDS = (
    Breakage(
        "B7",
        "a refund to somebody else",
        refund(1, 5, given_to=2),
        shows="'paid_by': 1",
    ),
    Breakage(
        "B7",
        "a movement without its refund",
        refund(1, 5) + "DELETE FROM refund;",
        shows="'refund_id': None",
    ),
    Breakage(
        "B7",
        "a refund of another amount than moved",
        refund(1, 5) + "UPDATE refund SET refund_amount = 6;"
        "UPDATE payment SET refunded_amount = 6 WHERE payment_id = 1;",
        shows="'refund_amount': Decimal('6.0000')",
    ),
    Breakage(
        "B7",
        "a refund of another payment than moved",
        refund(1, 5) + "UPDATE refund SET payment_id = 2;"
        "UPDATE payment SET refunded_amount = 5 - refunded_amount;",
        shows="'refund_of': 2",
    ),
    Breakage(
        "B7",
        "a payment that does not count its refund",
        refund(1, 5) + "UPDATE payment SET refunded_amount = 0;",
        shows="'payment_id': 1",
    ),
    Breakage(
        "B7",
        "more given back than was paid",
        drop("payment", "payment_refunded_within") + refund(1, 51),
        shows="'refunded_amount': Decimal('51.0000')",
        also=("B2",),  # CONFIRMED, and all was given back
    ),
)

COLLECTED = (
    Breakage(
        "B7",
        "collected, and nothing is paid",
        intent("succeeded"),
        shows="'payment_intent_id': 1",
    ),
    Breakage(
        "B7",
        "collected and paid without a charge",
        intent("succeeded") + PAID_WITH,
        shows="'charges': None",
    ),
    Breakage(
        "B7",
        "collected and charged, and nothing is paid",
        intent("succeeded") + CHARGED,
        shows="'charges': 1",
    ),
    Breakage(
        "B7",
        "charged twice",
        drop("ledger", "ledger_intent_once") + intent("succeeded") + PAID_WITH + CHARGED + CHARGED,
        shows="'charges': 2",
    ),
    Breakage(
        "B7",
        "less collected than was paid with it",
        intent("succeeded", amount=49) + PAID_WITH + CHARGED,
        shows="'amount': Decimal('49.0000')",
    ),
    Breakage(
        "B7",
        "collected for a booking that it did not pay",
        intent("succeeded", bookings="{1,2}") + PAID_WITH + CHARGED,
        shows="'concert_booking_ids': [1, 2]",
    ),
    *(
        Breakage(
            "B7",
            f"{status}, and paid",
            intent(status) + PAID_WITH + CHARGED,
            shows=f"'status': '{status}'",
        )
        for status in ("created", "declined", "refund_due", "refunded")
    ),
)

ANSWERS = (
    Breakage(
        "B8",
        "an extension without an answer",
        "UPDATE concert_booking SET extended_at = now() WHERE concert_booking_id = 3;",
        shows="'kind': 'extension', 'id': 3",
    ),
    Breakage(
        "B8",
        "an answer without its extension",
        "INSERT INTO idempotency_key VALUES (2, 'POST', '/v1/bookings/3/extension', 'nothing', '',"
        """ 201, '{"concert_booking_id": 3}');""",
        shows="'nothing'",
    ),
    Breakage(
        "B8",
        "two keys for one refund",
        refund(1, 5)
        + answered(1, "once", """'{"refund_id": 9}'""")
        + answered(1, "again", """'{"refund_id": 9}'"""),
        shows="'kind': 'refund'",
    ),
    Breakage(
        "B8",
        "an answer without its refund",
        answered(1, "nothing", """'{"refund_id": 8}'"""),
        shows="'nothing'",
    ),
    Breakage(
        "B8",
        "an intent without an answer",
        intent("created") + "DELETE FROM idempotency_key WHERE key = 'intent-by-hand';",
        shows="'kind': 'intent'",
    ),
    Breakage(
        "B8",
        "two keys for one intent",
        intent("created") + answered(1, "again", """'{"payment_intent_id": 1}'"""),
        shows="'again'",
    ),
)

SELLING = (*OFFERS, *ENDS, *REFUNDS, *COLLECTED, *ANSWERS)
