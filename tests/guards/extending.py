"""Guards of a hold's extension."""

from tests.guards.rows import rows

_HOLDS = "tests/integration/test_holds_extension.py::test_"
_READ_AGAIN = (
    "    SELECT b.* INTO v_booking FROM concert_booking b WHERE b.concert_booking_id = p_booking;\n"
)

GUARDS = rows(
    "booking_api/functions/extend_hold.sql",
    (
        "extend: answers a known key with its first answer",
        "B8",
        "    ELSIF outcome IS NOT NULL THEN\n        RETURN;\n",
        "",
        _HOLDS + "a_hold_is_extended_once",
    ),
    (
        "extend: only one's own booking",
        "X1",
        " AND b.user_id = v_user;",
        ";",
        _HOLDS + "what_has_ended_is_not_extended",
    ),
    (
        "extend: the token's room is the booking's",
        "X1",
        "ELSIF v_booking.room_id <> p_room THEN",
        "ELSIF false THEN",
        _HOLDS + "a_hold_of_another_room_needs_that_rooms_token",
    ),
    (
        "extend: seat lock",
        "B4",
        "\n    FOR NO KEY UPDATE;",
        ";",
        _HOLDS + "an_extension_that_waited_past_the_deadline_is_too_late",
    ),
    (
        "extend: clock read after the lock",
        "B4",
        "    v_now := clock_timestamp();",
        "    v_now := statement_timestamp();",
        _HOLDS + "an_extension_that_waited_past_the_deadline_is_too_late",
    ),
    (
        "extend: the booking is read again under the lock",
        "B4",
        _READ_AGAIN,
        "",
        _HOLDS + "an_extension_that_waited_past_the_deadline_is_too_late",
    ),
    (
        "extend: not past the deadline",
        "B4",
        "v_booking.status = 'PENDING' AND v_booking.expiration_at <= v_now",
        "false",
        _HOLDS + "what_has_ended_is_not_extended",
    ),
    (
        "extend: not while the sale is stopped",
        "B13",
        "ELSIF v_state <> 'on_sale' THEN",
        "ELSIF false THEN",
        _HOLDS + "not_every_date_extends_holds",
    ),
    (
        "extend: not what is paid or canceled",
        "B5",
        "ELSIF v_booking.status <> 'PENDING' OR ",
        "ELSIF ",
        _HOLDS + "what_has_ended_is_not_extended",
    ),
    (
        "extend: once",
        "B9",
        "v_booking.extended_at IS NOT NULL",
        "false",
        _HOLDS + "a_hold_is_extended_once",
    ),
    (
        "extend: only where the date says so",
        "B9",
        " OR v_extension_s = 0 THEN",
        " THEN",
        _HOLDS + "not_every_date_extends_holds",
    ),
    (
        "extend: the seat's deadline is the booking's",
        "B2",
        "SET held_until = v_until,",
        "SET held_until = held_until,",
        _HOLDS + "a_hold_is_extended_by_the_dates_time",
    ),
    (
        "extend: the seat is a change of the map",
        "B12",
        "changed_xid = pg_current_xact_id(), ",
        "",
        _HOLDS + "a_hold_is_extended_by_the_dates_time",
    ),
    (
        "extend: the answer is kept with its effect",
        "B8",
        "    PERFORM end_once(v_user, p_path, p_key, p_fingerprint, body);\n",
        "",
        _HOLDS + "a_hold_is_extended_once",
    ),
)
