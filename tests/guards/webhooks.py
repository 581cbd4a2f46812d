"""Guards of what other systems are told."""

from tests.guards import Guard

_TAKE = "booking_api/queries/take_events.sql"
_SETTLE = "booking_api/queries/settle_event.sql"
_REPLAY = "booking_api/queries/replay_events.sql"
_ANNOUNCE = "booking_api/functions/announce.sql"
_GIVE_BACK = "booking_api/functions/give_back.sql"
_SENDER = "booking_api/webhooks.py"
_TOLD = "tests/integration/test_webhooks.py::test_"
_IN_FULL = _TOLD + "what_happens_to_a_booking_is_told_in_full"
_SOLD_OUT = _TOLD + "a_date_is_said_to_be_sold_out_once_and_again_after_a_seat_came_back"

GUARDS: tuple[Guard, ...] = (
    Guard(
        name="events: a payment is announced in its transaction",
        where="booking_api/functions/pay_bookings.sql",
        text="    PERFORM announce_bookings('booking.confirmed', p_bookings, "
        "p_currency, p_digits);\n",
        without="",
        invariant="W1",
        test=_IN_FULL,
    ),
    Guard(
        name="events: a cancellation is announced in its transaction",
        where=_GIVE_BACK,
        text="    PERFORM announce_bookings('booking.canceled', p_bookings, "
        "p_currency, p_digits);\n",
        without="",
        invariant="W1",
        test=_IN_FULL,
    ),
    Guard(
        name="events: sold out is said once",
        where=_ANNOUNCE,
        text="IF v_sold_out = (v_said IS NOT NULL) THEN",
        without="IF NOT v_sold_out THEN",
        invariant="W1",
        test=_SOLD_OUT,
    ),
    Guard(
        name="events: whether it was said is judged under the date's lock",
        where=_ANNOUNCE,
        text="WHERE d.concert_schedule_id = p_schedule FOR NO KEY UPDATE;",
        without="WHERE d.concert_schedule_id = p_schedule;",
        invariant="W1",
        test=_TOLD + "who_says_sold_out_waits_for_who_is_saying_it",
    ),
    Guard(
        name="events: not before they are due",
        where=_TAKE,
        text="WHERE w.next_attempt_at <= now()",
        without="WHERE w.next_attempt_at IS NOT NULL",
        invariant="W1",
        test=_TOLD + "what_is_not_understood_is_sent_again",
    ),
    Guard(
        name="events: the earlier ones of a booking first",
        where=_TAKE,
        text="b.webhook_event_id < w.webhook_event_id",
        without="false",
        invariant="W1",
        test=_TOLD + "an_event_waits_for_the_earlier_ones_of_its_booking",
    ),
    Guard(
        name="events: taken by one process",
        where=_TAKE,
        text="next_attempt_at = now() + $2 * interval '1 second'",
        without="next_attempt_at = now() + 0 * $2 * interval '1 second'",
        invariant="W1",
        test=_TOLD + "one_that_is_under_way_holds_its_followers_back_also_elsewhere",
    ),
    Guard(
        name="events: nobody waits for who is taking",
        where=_TAKE,
        text=" FOR UPDATE SKIP LOCKED",
        without="",
        invariant="W1",
        test=_TOLD + "what_another_process_is_taking_is_left_to_it",
    ),
    Guard(
        name="events: who comes back too late says nothing",
        where=_SETTLE,
        text="AND attempts = $2 AND",
        without="AND $2::integer > 0 AND",
        invariant="W1",
        test=_TOLD + "who_comes_back_too_late_says_nothing",
    ),
    Guard(
        name="events: followers are put off with the one they wait for",
        where=_SETTLE,
        text="w.webhook_event_id > s.webhook_event_id",
        without="false",
        invariant="W1",
        test=_TOLD + "an_event_waits_for_the_earlier_ones_of_its_booking",
    ),
    Guard(
        name="events: a replay sends nothing twice at once",
        where=_REPLAY,
        text="OR e.next_attempt_at > now() + $5 * interval '1 second'",
        without="OR $5 > 0",
        invariant="W1",
        test=_TOLD + "one_that_is_under_way_is_not_sent_twice_by_a_replay",
    ),
    Guard(
        name="events: signed with the time",
        where=_SENDER,
        text='signed = f"{sent_at_s}.".encode() + body',
        without="signed = body",
        invariant="X1",
        test=_TOLD + "the_receiver_can_tell_who_sent_it",
    ),
    Guard(
        name="events: to the configured address alone",
        where=_SENDER,
        text="allow_redirects=False",
        without="allow_redirects=True",
        invariant="X1",
        test=_TOLD + "what_is_not_understood_is_sent_again",
    ),
    Guard(
        name="events: an attempt has a deadline",
        where=_SENDER,
        text="timeout=aiohttp.ClientTimeout(total=DEADLINE_S)",
        without="timeout=aiohttp.ClientTimeout()",
        invariant="W1",
        test=_TOLD + "who_does_not_listen_or_answer_is_asked_again",
    ),
    Guard(
        name="events: only so many are under way",
        where=_SENDER,
        text="self._take(PARALLEL - len(sending))",
        without="self._take(1000)",
        invariant="W1",
        test=_TOLD + "only_so_many_are_under_way_at_once",
    ),
    Guard(
        name="events: attempts end",
        where=_SENDER,
        text="if attempts >= MOST_ATTEMPTS:",
        without="if False:",
        invariant="W1",
        test=_TOLD + "pauses_grow_to_an_hour_and_end_after_days",
    ),
)
