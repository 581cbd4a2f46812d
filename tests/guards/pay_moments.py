"""Guards of payments that share a statement."""

from tests.guards import Guard
from tests.guards.rows import rows

_TESTS = "tests/integration/test_pay_moments.py::test_"
_PLAIN = _TESTS + "what_is_not_plain_goes_alone_and_leaves_no_trace"
_WAITS = _TESTS + "a_moment_waits_for_nobody"
_OWNERS = _TESTS + "two_owners_of_a_moment_go_on_from_their_own_balances"

GUARDS: tuple[Guard, ...] = (
    *rows(
        "booking_api/functions/pay_moment.sql",
        (
            "moment of payments: a key that is worked on goes alone",
            "B8",
            "    WHERE pg_try_advisory_xact_lock(key_lock(f.visitor, f.path, f.key));",
            "    ;",
            _WAITS,
        ),
        (
            "moment of payments: one of a visitor",
            "B8",
            "SELECT DISTINCT ON (a.visitor) a.request",
            "SELECT a.request",
            _TESTS + "of_one_visitor_a_moment_pays_the_first",
        ),
        (
            "moment of payments: a key that was used goes alone",
            "B8",
            "        WHERE NOT EXISTS (SELECT FROM used k WHERE k.request = r.request)\n",
            "",
            _PLAIN,
        ),
        (
            "moment of payments: seat locks",
            "B4",
            "ORDER BY s.concert_seat_id FOR NO KEY UPDATE SKIP LOCKED",
            "ORDER BY s.concert_seat_id",
            _WAITS,
        ),
        (
            "moment of payments: waits for no seat",
            "B13",
            "ORDER BY s.concert_seat_id FOR NO KEY UPDATE SKIP LOCKED",
            "ORDER BY s.concert_seat_id FOR NO KEY UPDATE",
            _WAITS,
        ),
        (
            "moment of payments: user locks",
            "B6",
            "ORDER BY u.user_id FOR NO KEY UPDATE SKIP LOCKED",
            "ORDER BY u.user_id",
            _WAITS,
        ),
        (
            "moment of payments: waits for no user",
            "B13",
            "ORDER BY u.user_id FOR NO KEY UPDATE SKIP LOCKED",
            "ORDER BY u.user_id FOR NO KEY UPDATE",
            _WAITS,
        ),
        (
            "moment of payments: only one's own bookings",
            "X1",
            "            AND b.user_id = r.user_id AND b.room_id",
            "            AND b.room_id",
            _PLAIN,
        ),
        (
            "moment of payments: the token's room is the bookings'",
            "X1",
            " AND b.room_id = p_rooms[r.request]\n",
            "\n",
            _PLAIN,
        ),
        (
            "moment of payments: not what is paid or canceled",
            "B3",
            "AND b.status = 'PENDING' AND b.expiration_at",
            "AND b.expiration_at",
            _PLAIN,
        ),
        (
            "moment of payments: not past the deadline",
            "B4",
            " AND b.expiration_at > v_now",
            "",
            _PLAIN,
        ),
        (
            "moment of payments: nothing of a date that is canceled",
            "B5",
            " AND b.state <> 'canceled'",
            "",
            _PLAIN,
        ),
        (
            "moment of payments: all or none",
            "B13",
            "HAVING bool_and(b.concert_booking_id IS NOT NULL)",
            "HAVING bool_or(b.concert_booking_id IS NOT NULL)",
            _PLAIN,
        ),
        (
            "moment of payments: balance",
            "B6",
            " AND sum(b.price) <= o.balance\n",
            "\n",
            _PLAIN,
        ),
        (
            "moment of payments: the answer is kept with its effect",
            "B8",
            "        FROM paid p\n    )",
            "        FROM paid p WHERE false\n    )",
            _PLAIN,
        ),
    ),
    *rows(
        "booking_api/functions/pay_bookings.sql",
        (
            "settle: each owner's movements go on from their own balance",
            "B6",
            "PARTITION BY o.user_id ORDER BY p.payment_id",
            "ORDER BY p.payment_id",
            _OWNERS,
        ),
        (
            "settle: each owner pays for their own",
            "B6",
            " FROM due d WHERE d.user_id = u.user_id)",
            " FROM due d)",
            _OWNERS,
        ),
        (
            "settle: somebody else's holds do not keep the token",
            "A6",
            "WHERE m.user_id = c.user_id AND m.room_id",
            "WHERE m.room_id",
            _OWNERS,
        ),
        (
            "settle: what is paid now does not keep the token",
            "A6",
            " AND m.concert_booking_id <> ALL (p_bookings))",
            ")",
            _OWNERS,
        ),
    ),
)
