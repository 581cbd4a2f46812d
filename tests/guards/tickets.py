"""Guards of tickets and check-ins, and of reading one's bookings."""

from tests.guards import Guard

_QUERIES = "booking_api/queries/"
_CHECK_IN = "booking_api/functions/check_in.sql"
_CODES = "booking_api/ticket_codes.py"
_OF_CODES = "tests/unit/test_ticket_codes.py::test_"
_TICKETS = "tests/integration/test_tickets.py::test_"
_CHECKINS = "tests/integration/test_checkins.py::test_"
_LISTS = "tests/integration/test_booking_lists.py::test_"

GUARDS: tuple[Guard, ...] = (
    Guard(
        name="bookings: of the status asked for",
        where=_QUERIES + "bookings.sql",
        text="($4::text IS NULL OR r.status = $4)",
        without="($4::text IS NULL OR b.status = $4)",
        invariant="B9",
        test=_LISTS + "bookings_are_found_by_their_status_as_it_reads",
    ),
    Guard(
        name="ticket: one's own",
        where=_QUERIES + "ticket.sql",
        text="WHERE u.external_id = $1 AND",
        without="WHERE $1::text IS NOT NULL AND",
        invariant="X1",
        test=_TICKETS + "nobody_else_gets_it",
    ),
    Guard(
        name="ticket: not of a hold",
        where=_QUERIES + "ticket.sql",
        text="            WHEN b.status = 'PENDING' THEN 'not_confirmed'\n",
        without="",
        invariant="T1",
        test=_TICKETS + "what_is_not_paid_has_no_ticket",
    ),
    Guard(
        name="ticket: not of what was given back",
        where=_QUERIES + "ticket.sql",
        text="WHEN b.status = 'CANCELED' OR d.state = 'canceled' THEN",
        without="WHEN d.state = 'canceled' THEN",
        invariant="T1",
        test=_TICKETS + "what_was_given_back_has_none_any_more",
    ),
    Guard(
        name="ticket: not of a date that does not take place",
        where=_QUERIES + "ticket.sql",
        text="WHEN b.status = 'CANCELED' OR d.state = 'canceled' THEN",
        without="WHEN b.status = 'CANCELED' THEN",
        invariant="T1",
        test=_TICKETS + "a_date_that_does_not_take_place_has_no_tickets",
    ),
    Guard(
        name="ticket: only so many are drawn at once",
        where="booking_api/tickets.py",
        text="if self._drawing >= MOST_DRAWN:",
        without="if False:",
        invariant="T1",
        test=_TICKETS + "only_so_many_are_drawn_at_once",
    ),
    Guard(
        name="code: its signature",
        where=_CODES,
        text="        key.verify(raw, said)\n",
        without="",
        invariant="T1",
        test=(
            _OF_CODES + "no_changed_code_is_believed",
            _CHECKINS + "what_we_did_not_sign_or_do_not_know_is_told_apart",
        ),
    ),
    Guard(
        name="code: one for each ticket",
        where=_CODES,
        text="if base64url(raw).decode() != signature:",
        without="if False:",
        invariant="T1",
        test=_OF_CODES + "a_ticket_has_one_code",
    ),
    Guard(
        name="check-in: once per booking",
        where="booking_api/migrations/versions/r0004_selling.sql",
        text="concert_booking_id bigint CONSTRAINT checkin_once PRIMARY KEY\n",
        without="concert_booking_id bigint\n",
        invariant="T1",
        test=_CHECKINS + "of_twenty_devices_at_once_one_admits",
    ),
    Guard(
        name="check-in: seat lock",
        where=_CHECK_IN,
        text="ORDER BY s.concert_seat_id FOR NO KEY UPDATE;",
        without="ORDER BY s.concert_seat_id;",
        invariant="T1",
        test=_CHECKINS + "a_ticket_that_is_being_given_back_is_judged_afterwards",
    ),
    Guard(
        name="check-in: only what is paid and takes place",
        where=_CHECK_IN,
        text="          AND b.status = 'CONFIRMED' AND d.state <> 'canceled'\n",
        without="",
        invariant="T1",
        test=(
            _CHECKINS + "a_canceled_booking_admits_nobody",
            _CHECKINS + "a_date_that_does_not_take_place_admits_nobody",
        ),
    ),
    Guard(
        name="check-in: says what is void",
        where=_CHECK_IN,
        text="        WHEN b.status <> 'CONFIRMED' OR d.state = 'canceled' THEN 'ticket_void'\n",
        without="",
        invariant="T1",
        test=_CHECKINS + "a_canceled_booking_admits_nobody",
    ),
    Guard(
        name="check-in: only what is of this sale",
        where=_CHECK_IN,
        text="WHERE b.concert_schedule_id = n.schedule AND s.seat_number = n.seat\n          AND",
        without="WHERE",
        invariant="T1",
        test=_CHECKINS + "what_we_did_not_sign_or_do_not_know_is_told_apart",
    ),
    Guard(
        name="check-in: only tickets of the door's date",
        where=_CHECK_IN,
        text="          AND (p_date IS NULL OR b.concert_schedule_id = p_date)\n",
        without="",
        invariant="T1",
        test=_CHECKINS + "a_door_refuses_tickets_of_another_date_and_leaves_them_unused",
    ),
    Guard(
        name="check-in: in one answer the first of a ticket",
        where=_CHECK_IN,
        text="n.place = array_position(p_bookings, n.booking) AND ",
        without="",
        invariant="T1",
        test=_CHECKINS + "devices_that_were_offline_tell_all_at_once",
    ),
    Guard(
        name="check-in: a device may repeat what it said",
        where=_CHECK_IN,
        text="OR (k.operator, k.gate, k.used_at) = (p_operator, n.gate, n.used_at) THEN",
        without="THEN",
        invariant="T1",
        test=_CHECKINS + "devices_that_were_offline_tell_all_at_once",
    ),
    Guard(
        name="check-in: another gate or moment is another use",
        where=_CHECK_IN,
        text="OR (k.operator, k.gate, k.used_at) = (p_operator, n.gate, n.used_at) THEN",
        without="OR n.used_at IS NOT NULL THEN",
        invariant="T1",
        test=_CHECKINS + "another_door_of_the_same_moment_is_another_use",
    ),
    Guard(
        name="check-in: not in times to come",
        where="booking_api/checkin_handlers.py",
        text=" or used_at > datetime.now(UTC) + AHEAD",
        without="",
        invariant="T1",
        test=_CHECKINS + "a_time_to_come_is_no_time_of_a_check_in",
    ),
)
