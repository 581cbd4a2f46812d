"""Guards of selling's books: the constraints, each of which refuses a row by itself."""

from tests.guards import Guard

_SELLING = "booking_api/migrations/versions/r0004_selling.sql"
_TEST = (
    "tests/integration/test_sale_constraints.py::test_what_a_constraint_forbids_is_refused_by_it"
)

#: Invariant, name, and what follows the name in the table.
_NAMED = (
    ("B6", "concert_refund_percent", "CHECK (refund_percent BETWEEN 0 AND 100)"),
    ("B5", "concert_schedule_state", "CHECK (state IN ('on_sale', 'stopped', 'canceled'))"),
    ("B9", "concert_schedule_extension", "CHECK (hold_extension_s BETWEEN 0 AND 86400)"),
    ("S3", "concert_schedule_churn", "CHECK (max_let_go_per_hour BETWEEN 0 AND 10000)"),
    ("B9", "concert_schedule_offer_ttl", "CHECK (offer_ttl_s BETWEEN 1 AND 86400)"),
    ("B10", "user_schedule_own_limit", "CHECK (own_limit BETWEEN 0 AND 100)"),
    ("B11", "waitlist_of_user", "REFERENCES users"),
    ("B12", "waitlist_of_schedule", "REFERENCES concert_schedule"),
    ("B2", "waitlist_of_booking", "REFERENCES concert_booking"),
    ("B6", "payment_intent_of_user", "REFERENCES users"),
    ("B7", "payment_intent_amount", "CHECK (amount > 0)"),
    ("B8", "payment_intent_key_once", "UNIQUE"),
    ("B8", "payment_intent_reference_once", "UNIQUE (provider, reference)"),
    ("B7", "provider_event_of_intent", "REFERENCES payment_intent"),
    ("B8", "provider_event_once", "PRIMARY KEY (provider, event_id)"),
    ("B7", "payment_of_intent", "REFERENCES payment_intent"),
    ("B7", "payment_refunded_within", "CHECK (refunded_amount BETWEEN 0 AND payment_amount)"),
    ("B7", "ledger_of_intent", "REFERENCES payment_intent"),
    ("B8", "ledger_intent_once", "UNIQUE"),
    ("B7", "ledger_intent_is_charge", "CHECK (payment_intent_id IS NULL OR kind = 'CHARGE')"),
    ("B7", "refund_of_payment", "REFERENCES payment"),
    ("B6", "refund_of_movement", "REFERENCES ledger"),
    ("B6", "refund_movement_once", "UNIQUE"),
    ("B7", "refund_amount_not_negative", "CHECK (refund_amount >= 0)"),
    ("B4", "checkin_of_booking", "REFERENCES concert_booking"),
    ("B12", "schedule_job_of_schedule", "REFERENCES concert_schedule"),
    ("B5", "schedule_job_kind", "CHECK (kind IN ('cancel'))"),
    ("B6", "schedule_job_refund_percent", "CHECK (refund_percent BETWEEN 0 AND 100)"),
)
_UNIQUE = (
    ("B8", "waitlist_one_live_per_user"),
    ("B2", "waitlist_offer_once"),
    ("B5", "schedule_job_one_at_a_time"),
)
_STATES = (
    (
        "B5",
        "concert_booking_state",
        """ AND canceled_reason
            IN ('owner', 'expired', 'operator', 'refunded', 'date_canceled')""",
    ),
    (
        "B2",
        "waitlist_state",
        " AND concert_booking_id IS NULL AND reason IS NULL)\n        OR (status = 'OFFERED'",
    ),
)


def _wall(invariant: str, name: str, text: str, without: str) -> Guard:
    return Guard(f"constraint: {name}", _SELLING, text, without, invariant, _TEST)


GUARDS: tuple[Guard, ...] = (
    *(
        _wall(invariant, name, f"CONSTRAINT {name} {rest}", f"CONSTRAINT {name} CHECK (true)")
        for invariant, name, rest in _NAMED
    ),
    *(
        _wall(invariant, name, f"CREATE UNIQUE INDEX {name}", f"CREATE INDEX {name}")
        for invariant, name in _UNIQUE
    ),
    _wall(*_STATES[0], ""),
    _wall(*_STATES[1], " AND reason IS NULL)\n        OR (status = 'OFFERED'"),
)
