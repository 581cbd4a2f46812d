-- The ERD (users, queue, concert, concert_schedule, concert_seat, concert_booking, payment) and
-- what a correct sale needs on top: ledger, user_schedule, idempotency_key, token_completion.
-- Constraint names are part of the code: booking_api/verdicts.py turns them into domain errors.

CREATE TABLE users (
    user_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    external_id text NOT NULL CONSTRAINT users_external_id_key UNIQUE,  -- `sub` of the identity
    user_name text NOT NULL,
    balance numeric(19, 4) NOT NULL DEFAULT 0
        CONSTRAINT users_balance_not_negative CHECK (balance >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT users_text_bounded
        CHECK (length(external_id) BETWEEN 1 AND 255 AND length(user_name) BETWEEN 1 AND 255)
) WITH (fillfactor = 80);

-- The history of queue tokens; the gateway's journal writes it, nothing here decides by it.
CREATE TABLE queue (
    queue_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token_value text NOT NULL CONSTRAINT queue_token_value_key UNIQUE,  -- the jti
    room_id text NOT NULL,
    generation bigint NOT NULL,
    number bigint NOT NULL,
    visitor text NOT NULL,
    status text NOT NULL CONSTRAINT queue_status_known CHECK (status IN ('WAIT', 'ACTIVE', 'EXPIRED')),
    reason text,
    expired_at timestamptz,  -- when the token expires, or expired; null while WAIT
    admitted_at timestamptz,
    active_after bigint,  -- the room's ACTIVE tokens right after its admission,
    active_cap bigint,    -- and how many were allowed then (A1)
    ended_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    -- A room made anew after its store was lost counts from 1 again, in a higher generation.
    CONSTRAINT queue_number_once UNIQUE (room_id, generation, number)
) WITH (fillfactor = 80);

CREATE INDEX queue_by_status ON queue (room_id, generation, status);

CREATE TABLE concert (
    concert_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    concert_name text NOT NULL,
    room_id text NOT NULL,  -- the room that guards it
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX concert_by_room ON concert (room_id, concert_id);

CREATE TABLE concert_schedule (
    concert_schedule_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    concert_id bigint NOT NULL CONSTRAINT concert_schedule_of_concert REFERENCES concert,
    schedule_date timestamptz NOT NULL,
    hold_ttl_s integer NOT NULL DEFAULT 300
        CONSTRAINT concert_schedule_hold_ttl CHECK (hold_ttl_s BETWEEN 1 AND 86400),
    max_seats_per_user integer NOT NULL DEFAULT 4
        CONSTRAINT concert_schedule_limit CHECK (max_seats_per_user BETWEEN 1 AND 100),
    seats_loaded integer NOT NULL DEFAULT 0,  -- as many seats as were ever added (B12)
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX concert_schedule_by_date
    ON concert_schedule (concert_id, schedule_date, concert_schedule_id);

-- The seat row is the only arbiter of who has the seat.
CREATE TABLE concert_seat (
    concert_seat_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    concert_schedule_id bigint NOT NULL
        CONSTRAINT concert_seat_of_schedule REFERENCES concert_schedule,
    seat_number text NOT NULL,
    price numeric(19, 4) NOT NULL CONSTRAINT concert_seat_price_not_negative CHECK (price >= 0),
    status text NOT NULL DEFAULT 'AVAILABLE',
    concert_booking_id bigint,
    held_until timestamptz,
    -- The transaction that changed the row last. A reader that knows every transaction below v
    -- asks for what is >= v; see queries/seat_map.sql.
    changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT concert_seat_number_once UNIQUE (concert_schedule_id, seat_number),
    CONSTRAINT concert_seat_state CHECK (
        (status = 'AVAILABLE' AND concert_booking_id IS NULL AND held_until IS NULL)
        OR (status = 'RESERVED' AND concert_booking_id IS NOT NULL AND held_until IS NOT NULL)
        OR (status = 'SOLD' AND concert_booking_id IS NOT NULL AND held_until IS NULL))
    -- No index on what a sale changes: with room left in the page, updates stay in it (HOT).
) WITH (fillfactor = 60);

CREATE TABLE concert_booking (
    concert_booking_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint NOT NULL CONSTRAINT concert_booking_of_user REFERENCES users,
    concert_seat_id bigint NOT NULL CONSTRAINT concert_booking_of_seat REFERENCES concert_seat,
    concert_schedule_id bigint NOT NULL,
    room_id text NOT NULL,
    token_value text NOT NULL,  -- the jti that admitted its visitor
    price numeric(19, 4) NOT NULL CONSTRAINT concert_booking_price_not_negative CHECK (price >= 0),
    status text NOT NULL DEFAULT 'PENDING',
    expiration_at timestamptz NOT NULL,
    canceled_reason text,  -- 'owner' or 'expired'
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT concert_booking_state CHECK (
        (status IN ('PENDING', 'CONFIRMED') AND canceled_reason IS NULL)
        OR (status = 'CANCELED' AND canceled_reason IS NOT NULL
            AND canceled_reason IN ('owner', 'expired')))
) WITH (fillfactor = 80);

CREATE UNIQUE INDEX concert_booking_one_live_per_seat
    ON concert_booking (concert_seat_id) WHERE status IN ('PENDING', 'CONFIRMED');
CREATE INDEX concert_booking_by_user ON concert_booking (user_id, concert_booking_id);
CREATE INDEX concert_booking_by_deadline
    ON concert_booking (expiration_at) WHERE status = 'PENDING';

ALTER TABLE concert_seat ADD CONSTRAINT concert_seat_has_booking
    FOREIGN KEY (concert_booking_id) REFERENCES concert_booking;

CREATE TABLE payment (
    payment_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    concert_booking_id bigint NOT NULL
        CONSTRAINT payment_one_per_booking UNIQUE
        CONSTRAINT payment_of_booking REFERENCES concert_booking,
    payment_amount numeric(19, 4) NOT NULL
        CONSTRAINT payment_amount_not_negative CHECK (payment_amount >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- Every movement of a balance; a balance is the sum of its rows.
CREATE TABLE ledger (
    ledger_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint NOT NULL CONSTRAINT ledger_of_user REFERENCES users,
    kind text NOT NULL,
    amount numeric(19, 4) NOT NULL,  -- signed: what it adds to the balance
    balance_after numeric(19, 4) NOT NULL
        CONSTRAINT ledger_balance_not_negative CHECK (balance_after >= 0),
    payment_id bigint CONSTRAINT ledger_of_payment REFERENCES payment,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT ledger_movement CHECK (
        (kind = 'CHARGE' AND amount > 0 AND payment_id IS NULL)
        OR (kind = 'PAYMENT' AND amount <= 0 AND payment_id IS NOT NULL)
        OR (kind = 'REFUND' AND amount >= 0 AND payment_id IS NOT NULL))
);

CREATE INDEX ledger_by_user ON ledger (user_id, ledger_id);
CREATE UNIQUE INDEX ledger_payment_once ON ledger (payment_id) WHERE kind = 'PAYMENT';

-- Live (PENDING or CONFIRMED) seats of one visitor on one date: the per-user limit.
CREATE TABLE user_schedule (
    user_id bigint NOT NULL REFERENCES users,
    concert_schedule_id bigint NOT NULL REFERENCES concert_schedule,
    live_seats integer NOT NULL,
    seat_limit integer NOT NULL,
    PRIMARY KEY (user_id, concert_schedule_id),
    CONSTRAINT user_schedule_within_limit CHECK (live_seats BETWEEN 0 AND seat_limit)
) WITH (fillfactor = 80);

-- First answers, kept for a day (draft-ietf-httpapi-idempotency-key-header).
CREATE TABLE idempotency_key (
    user_id bigint NOT NULL REFERENCES users,
    method text NOT NULL,
    path text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,  -- SHA-256 of the canonical body
    status smallint NOT NULL,
    response jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT idempotency_key_pkey PRIMARY KEY (user_id, method, path, key)
);

CREATE INDEX idempotency_key_by_age ON idempotency_key USING brin (created_at);

-- Tokens to end because their visitor paid: written with the payment, removed when Redis knows.
CREATE TABLE token_completion (
    token_value text PRIMARY KEY,
    room_id text NOT NULL,
    visitor text NOT NULL,
    generation bigint NOT NULL,
    number bigint NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX token_completion_due ON token_completion (next_attempt_at);
