"""Guards of the sale's books: constraints, reads, and what runs besides the requests."""

from tests.guards import Guard

_AT = "tests/integration/test_"
_LOCKS = _AT + "sale_locks.py::test_"
_WALLS = _AT + "sale_walls.py::test_"
_CONDITIONS = _AT + "sale_conditions.py::test_"
_EXPIRY = _AT + "booking_expiry.py::test_"
_MAP = _AT + "booking_seat_map.py::test_"
_KEYS = _AT + "booking_idempotency.py::test_"
_COMPLETIONS = _AT + "booking_completions.py::test_"
_QUERIES = "booking_api/queries/"


def _constraint(name: str, invariant: str, text: str, without: str = "") -> Guard:
    """A constraint; its test writes the row that it forbids by hand."""
    return Guard(
        name=f"constraint: {name}",
        where="booking_api/migrations/versions/r0001_sale.sql",
        text=text,
        without=without,
        invariant=invariant,
        test=_AT + "sale_constraints.py::test_what_a_constraint_forbids_is_refused_by_it",
    )


def _names(name: str, invariant: str, rest: str) -> Guard:
    """A constraint that stands behind its column, named there."""
    return _constraint(name, invariant, f"CONSTRAINT {name} {rest}")


CONSTRAINTS = (
    _names("users_external_id_key", "B6", "UNIQUE"),
    _names("users_balance_not_negative", "B6", "CHECK (balance >= 0)"),
    _constraint(
        "users_text_bounded",
        "S3",
        ",\n    CONSTRAINT users_text_bounded\n        CHECK (length(external_id) BETWEEN 1 AND 255"
        " AND length(user_name) BETWEEN 1 AND 255)",
    ),
    _names("queue_token_value_key", "O1", "UNIQUE"),
    _names("queue_status_known", "X1", "CHECK (status IN ('WAIT', 'ACTIVE', 'EXPIRED'))"),
    _constraint(
        "queue_number_once",
        "O1",
        ",\n    -- A room made anew after its store was lost counts from 1 again, in a higher"
        " generation.\n    CONSTRAINT queue_number_once UNIQUE (room_id, generation, number)",
    ),
    _names("concert_schedule_of_concert", "B12", "REFERENCES concert"),
    _names("concert_schedule_hold_ttl", "B9", "CHECK (hold_ttl_s BETWEEN 1 AND 86400)"),
    _names("concert_schedule_limit", "B10", "CHECK (max_seats_per_user BETWEEN 1 AND 100)"),
    _names("concert_seat_of_schedule", "B12", "REFERENCES concert_schedule"),
    _names("concert_seat_price_not_negative", "B3", "CHECK (price >= 0)"),
    _constraint(
        "concert_seat_number_once",
        "B1",
        "    CONSTRAINT concert_seat_number_once UNIQUE (concert_schedule_id, seat_number),\n",
    ),
    _constraint(
        "concert_seat_state, AVAILABLE",
        "B2",
        "(status = 'AVAILABLE' AND concert_booking_id IS NULL AND held_until IS NULL)",
        "(status = 'AVAILABLE')",
    ),
    _constraint(
        "concert_seat_state, RESERVED",
        "B2",
        "(status = 'RESERVED' AND concert_booking_id IS NOT NULL AND held_until IS NOT NULL)",
        "(status = 'RESERVED')",
    ),
    _constraint(
        "concert_seat_state, SOLD",
        "B2",
        "(status = 'SOLD' AND concert_booking_id IS NOT NULL AND held_until IS NULL)",
        "(status = 'SOLD')",
    ),
    _constraint(
        "concert_seat_has_booking",
        "B2",
        "ALTER TABLE concert_seat ADD CONSTRAINT concert_seat_has_booking\n"
        "    FOREIGN KEY (concert_booking_id) REFERENCES concert_booking;",
    ),
    _names("concert_booking_of_user", "B11", "REFERENCES users"),
    _names("concert_booking_of_seat", "B2", "REFERENCES concert_seat"),
    _names("concert_booking_price_not_negative", "B3", "CHECK (price >= 0)"),
    _constraint(
        "concert_booking_one_live_per_seat",
        "B1",
        "CREATE UNIQUE INDEX concert_booking_one_live_per_seat",
        "CREATE INDEX concert_booking_one_live_per_seat",
    ),
    _names("payment_one_per_booking", "B3", "UNIQUE"),
    _names("payment_of_booking", "B3", "REFERENCES concert_booking"),
    _names("payment_amount_not_negative", "B3", "CHECK (payment_amount >= 0)"),
    _names("ledger_of_user", "B6", "REFERENCES users"),
    _names("ledger_balance_not_negative", "B6", "CHECK (balance_after >= 0)"),
    _names("ledger_of_payment", "B7", "REFERENCES payment"),
    _constraint(
        "ledger_movement, charges",
        "B7",
        "(kind = 'CHARGE' AND amount > 0 AND payment_id IS NULL)",
        "(kind = 'CHARGE')",
    ),
    _constraint(
        "ledger_movement, payments",
        "B7",
        "(kind = 'PAYMENT' AND amount <= 0 AND payment_id IS NOT NULL)",
        "(kind = 'PAYMENT')",
    ),
    _constraint(
        "ledger_movement, refunds",
        "B7",
        "(kind = 'REFUND' AND amount >= 0 AND payment_id IS NOT NULL)",
        "(kind = 'REFUND')",
    ),
    _constraint(
        "ledger_payment_once",
        "B3",
        "CREATE UNIQUE INDEX ledger_payment_once",
        "CREATE INDEX ledger_payment_once",
    ),
    _constraint("user_schedule_pkey", "B10", "    PRIMARY KEY (user_id, concert_schedule_id),\n"),
    _constraint(
        "user_schedule_user_id_fkey",
        "B10",
        "CREATE TABLE user_schedule (\n    user_id bigint NOT NULL REFERENCES users,",
        "CREATE TABLE user_schedule (\n    user_id bigint NOT NULL,",
    ),
    _constraint(
        "user_schedule_concert_schedule_id_fkey",
        "B10",
        "bigint NOT NULL REFERENCES concert_schedule,",
        "bigint NOT NULL,",
    ),
    _constraint(
        "idempotency_key_user_id_fkey",
        "B8",
        "CREATE TABLE idempotency_key (\n    user_id bigint NOT NULL REFERENCES users,",
        "CREATE TABLE idempotency_key (\n    user_id bigint NOT NULL,",
    ),
    _constraint(
        "user_schedule_within_limit",
        "B10",
        "CHECK (live_seats BETWEEN 0 AND seat_limit)",
        "CHECK (true)",
    ),
    _constraint(
        "idempotency_key_pkey",
        "B8",
        ",\n    CONSTRAINT idempotency_key_pkey PRIMARY KEY (user_id, method, path, key)",
    ),
    _constraint(
        "token_completion_pkey", "A6", "token_value text PRIMARY KEY", "token_value text NOT NULL"
    ),
)

READS = (
    Guard(
        name="map: version is the oldest running transaction",
        where=_QUERIES + "seat_map.sql",
        text="pg_snapshot_xmin(pg_current_snapshot())",
        without="pg_snapshot_xmax(pg_current_snapshot())",
        invariant="B12",
        test=_MAP + "a_change_that_commits_late_is_not_missed",
    ),
    Guard(
        name="map: changes from the version on, not after it",
        where=_QUERIES + "seat_map.sql",
        text="OR n.changed_xid >= $2",
        without="OR n.changed_xid > $2",
        invariant="B12",
        test=_MAP + "a_change_that_commits_late_is_not_missed",
    ),
    Guard(
        name="map: a version from the future gets all",
        where="booking_api/hall.py",
        text="return self.removed < since <= self.version",
        without="return self.removed < since",
        invariant="B12",
        test=_MAP + "a_version_from_the_future_gets_the_whole_map",
    ),
    Guard(
        name="map: ended holds are changes",
        where=_QUERIES + "seat_map.sql",
        text="\n           OR (n.status = 'RESERVED' AND n.held_until <= now())",
        without="",
        invariant="B9",
        test=_MAP + "a_hold_that_ends_by_itself_is_a_change",
    ),
    Guard(
        name="map: ended holds read AVAILABLE",
        where=_QUERIES + "seat_map.sql",
        text="CASE WHEN n.status = 'RESERVED' AND n.held_until <= now() THEN 'AVAILABLE'\n"
        "                ELSE n.status END AS status",
        without="n.status",
        invariant="B9",
        test=_EXPIRY + "past_its_deadline_a_hold_reads_as_ended_before_any_sweep",
    ),
    Guard(
        name="map: holds end though nobody writes",
        where=_QUERIES + "seat_map.sql",
        text=" OR EXISTS (\n"
        "                SELECT FROM concert_booking b\n"
        "                WHERE b.status = 'PENDING' AND b.expiration_at <= now()))",
        without=")",
        invariant="B9",
        test=_MAP + "a_hold_ends_on_the_map_though_nobody_writes",
    ),
    Guard(
        name="map: new seats are changes",
        where="booking_api/migrations/versions/r0001_sale.sql",
        text="changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id()",
        without="changed_xid xid8 NOT NULL DEFAULT '1'",
        invariant="B12",
        test=_AT + "booking_admin.py::test_more_seats_of_a_date_show_as_changes",
    ),
    Guard(
        name="dates: ended holds count as free",
        where=_QUERIES + "schedules.sql",
        text=" OR (s.status = 'RESERVED' AND s.held_until <= now())",
        without="",
        invariant="B9",
        test=_EXPIRY + "past_its_deadline_a_hold_reads_as_ended_before_any_sweep",
    ),
    Guard(
        name="booking: past its deadline it reads CANCELED",
        where=_QUERIES + "booking.sql",
        text="b.status = 'PENDING' AND b.expiration_at <= now()",
        without="false",
        invariant="B9",
        test=_EXPIRY + "past_its_deadline_a_hold_reads_as_ended_before_any_sweep",
    ),
    Guard(
        name="bookings: past their deadline they read CANCELED",
        where=_QUERIES + "bookings.sql",
        text="b.status = 'PENDING' AND b.expiration_at <= now()",
        without="false",
        invariant="B9",
        test=_EXPIRY + "past_its_deadline_a_hold_reads_as_ended_before_any_sweep",
    ),
    Guard(
        name="booking: only one's own",
        where=_QUERIES + "booking.sql",
        text="u.external_id = $1 AND ",
        without="$1::text IS NOT NULL AND ",
        invariant="X1",
        test=_CONDITIONS + "lists_show_nobody_elses",
    ),
    Guard(
        name="bookings: only one's own",
        where=_QUERIES + "bookings.sql",
        text="u.external_id = $1 AND ",
        without="$1::text IS NOT NULL AND ",
        invariant="X1",
        test=_CONDITIONS + "lists_show_nobody_elses",
    ),
    Guard(
        name="ledger: only one's own",
        where=_QUERIES + "ledger.sql",
        text="u.external_id = $1 AND ",
        without="$1::text IS NOT NULL AND ",
        invariant="X1",
        test=_CONDITIONS + "lists_show_nobody_elses",
    ),
    Guard(
        name="concerts: what the room guards",
        where=_QUERIES + "concerts.sql",
        text="room_id = $1 AND ",
        without="$1::text IS NOT NULL AND ",
        invariant="X1",
        test=_CONDITIONS + "a_room_shows_the_concerts_it_guards_alone",
    ),
    Guard(
        name="stored answer: of one visitor",
        where=_QUERIES + "stored_answer.sql",
        text="u.external_id = $1 AND ",
        without="$1::text IS NOT NULL AND ",
        invariant="X1",
        test=_CONDITIONS + "a_stored_answer_is_of_its_visitor_path_and_body_also_without_a_token",
    ),
    Guard(
        name="stored answer: of one path",
        where=_QUERIES + "stored_answer.sql",
        text="k.path = $2 AND ",
        without="$2::text IS NOT NULL AND ",
        invariant="B8",
        test=_CONDITIONS + "a_stored_answer_is_of_its_visitor_path_and_body_also_without_a_token",
    ),
    Guard(
        name="stored answer: fingerprint",
        where="booking_api/idempotency.py",
        text='if row["fingerprint"] != asked.fingerprint:',
        without="if False:",
        invariant="B8",
        test=_CONDITIONS + "a_stored_answer_is_of_its_visitor_path_and_body_also_without_a_token",
    ),
)

BESIDES = (
    Guard(
        name="seats: counted when they are added",
        where=_QUERIES + "add_seats.sql",
        text="SET seats_loaded = seats_loaded + cardinality($2::text[]), updated_at",
        without="SET updated_at",
        invariant="B12",
        test=_AT + "booking_admin.py::test_more_seats_of_a_date_show_as_changes",
    ),
    Guard(
        name="keys: kept for a day",
        where=_QUERIES + "sweep_keys.sql",
        text="WHERE created_at < now() - interval '24 hours'\n",
        without="",
        invariant="B8",
        test=_KEYS + "old_answers_are_forgotten_after_a_day",
    ),
    Guard(
        name="keys: their sweep waits for nobody",
        where=_QUERIES + "sweep_keys.sql",
        text="FOR UPDATE SKIP LOCKED",
        without="FOR UPDATE",
        invariant="B9",
        test=_LOCKS + "a_sweep_waits_for_nobody_and_ends_the_rest",
    ),
    Guard(
        name="sweep: goes on until nothing is left",
        where="booking_api/sweep.py",
        text="if found < BATCH:",
        without="if True:",
        invariant="B9",
        test=_CONDITIONS + "a_sweep_goes_on_until_nothing_is_left",
    ),
    Guard(
        name="completions: put off until they are due",
        where=_QUERIES + "due_completions.sql",
        text="WHERE next_attempt_at <= now()\n",
        without="",
        invariant="S3",
        test=_COMPLETIONS
        + "a_payment_goes_through_without_redis_and_the_token_ends_when_it_is_back",
    ),
    Guard(
        name="completions: processes do not wait for each other",
        where=_QUERIES + "due_completions.sql",
        text="FOR UPDATE SKIP LOCKED",
        without="FOR UPDATE",
        invariant="A6",
        test=_LOCKS + "retries_of_completions_wait_for_nobody",
    ),
    Guard(
        name="completions: done only when Redis knows",
        where="booking_api/completions.py",
        text="            raise\n        self._told",
        without="            pass\n        self._told",
        invariant="A6",
        test=_COMPLETIONS
        + "a_payment_goes_through_without_redis_and_the_token_ends_when_it_is_back",
    ),
    Guard(
        name="completions: a payment waits a bounded time for Redis",
        where="booking_api/completions.py",
        text="asyncio.timeout(PATIENCE_S)",
        without="asyncio.timeout(None)",
        invariant="A6",
        test=_COMPLETIONS + "a_payment_does_not_wait_for_a_redis_that_hangs",
    ),
    Guard(
        name="completions: told before the payment is answered",
        where="booking_api/payments.py",
        text='if answer.row["completed"]:',
        without="if False:",
        invariant="A6",
        test=_COMPLETIONS + "a_payment_completes_the_token_before_it_is_answered",
    ),
    Guard(
        name="commits are awaited",
        where="shared/stores.py",
        text='                "synchronous_commit": "on",\n',
        without="",
        invariant="B13",
        test=_WALLS + "what_is_answered_201_is_on_disk",
    ),
)

GUARDS: tuple[Guard, ...] = (*CONSTRAINTS, *READS, *BESIDES)
