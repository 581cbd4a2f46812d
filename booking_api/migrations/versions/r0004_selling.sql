-- Selling as a promoter does: halls with sections and rows, refunds, a waiting list, a provider's
-- payments, tickets, and what other systems are told.

ALTER TABLE concert ADD COLUMN refund_percent integer NOT NULL DEFAULT 0  -- 0: not refundable
    CONSTRAINT concert_refund_percent CHECK (refund_percent BETWEEN 0 AND 100);
ALTER TABLE concert ADD COLUMN version integer NOT NULL DEFAULT 1;

ALTER TABLE concert_schedule
    ADD COLUMN state text NOT NULL DEFAULT 'on_sale'
        CONSTRAINT concert_schedule_state CHECK (state IN ('on_sale', 'stopped', 'canceled')),
    ADD COLUMN avoid_orphans boolean NOT NULL DEFAULT false,
    ADD COLUMN hold_extension_s integer NOT NULL DEFAULT 120  -- 0: holds are not extended
        CONSTRAINT concert_schedule_extension CHECK (hold_extension_s BETWEEN 0 AND 86400),
    ADD COLUMN max_let_go_per_hour integer NOT NULL DEFAULT 40  -- 0: no limit
        CONSTRAINT concert_schedule_churn CHECK (max_let_go_per_hour BETWEEN 0 AND 10000),
    ADD COLUMN offer_ttl_s integer NOT NULL DEFAULT 900
        CONSTRAINT concert_schedule_offer_ttl CHECK (offer_ttl_s BETWEEN 1 AND 86400),
    ADD COLUMN refund_until timestamptz,  -- null: until the date itself
    ADD COLUMN sold_out_at timestamptz,  -- when it was announced; null since a seat came back
    ADD COLUMN removed_xid xid8,  -- the transaction that last removed seats of it
    ADD COLUMN limited_at timestamptz NOT NULL DEFAULT now(),  -- when max_seats_per_user last changed
    ADD COLUMN version integer NOT NULL DEFAULT 1;

-- Where a seat is. What the operator does not say is read from its number: 'BALCONY-A-12', 'A-12';
-- see booking_api/where.py. A seat without a row has no neighbours.
ALTER TABLE concert_seat
    ADD COLUMN section text NOT NULL DEFAULT '',
    ADD COLUMN seat_row text,
    ADD COLUMN place integer,  -- in its row; neighbours differ by one
    ADD COLUMN band text NOT NULL DEFAULT '';  -- name of its price band; '' is told by the price

UPDATE concert_seat s
SET section = coalesce(m[1], ''), seat_row = m[2], place = m[3]::integer
FROM (SELECT concert_seat_id, coalesce(
          regexp_match(seat_number, '^(?:(.+)-)?([^-]+)-([0-9]{1,6})$'),
          regexp_match(seat_number, '^(?:(.+)-)?([^-]*[^-0-9])([0-9]{1,6})$')) AS m
      FROM concert_seat) n
WHERE n.concert_seat_id = s.concert_seat_id AND m IS NOT NULL;

-- Not on anything that a sale changes, so that its updates stay in their page.
CREATE INDEX concert_seat_by_row ON concert_seat (concert_schedule_id, section, seat_row, place);

-- How many seats a visitor let go unpaid: a bucket that leaks max_let_go_per_hour in an hour.
ALTER TABLE user_schedule
    ADD COLUMN let_go numeric(12, 4) NOT NULL DEFAULT 0,
    ADD COLUMN let_go_at timestamptz NOT NULL DEFAULT now();

-- What an operator allows one visitor of a date instead of max_seats_per_user, if anything.
ALTER TABLE user_schedule
    ADD COLUMN own_limit integer
        CONSTRAINT user_schedule_own_limit CHECK (own_limit BETWEEN 0 AND 100),
    ADD COLUMN limited_at timestamptz;  -- when own_limit last changed

-- Who waits for a seat of a date that is sold out. An offer is a PENDING booking.
CREATE TABLE waitlist (
    waitlist_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint NOT NULL CONSTRAINT waitlist_of_user REFERENCES users,
    concert_schedule_id bigint NOT NULL CONSTRAINT waitlist_of_schedule REFERENCES concert_schedule,
    room_id text NOT NULL,
    token_value text NOT NULL,  -- the jti that let its visitor in
    status text NOT NULL DEFAULT 'WAITING',
    reason text,  -- how it ended: taken, lapsed, left, limit, canceled
    concert_booking_id bigint CONSTRAINT waitlist_of_booking REFERENCES concert_booking,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT waitlist_state CHECK (
        (status = 'WAITING' AND concert_booking_id IS NULL AND reason IS NULL)
        OR (status = 'OFFERED' AND concert_booking_id IS NOT NULL AND reason IS NULL)
        OR (status = 'ENDED' AND reason IS NOT NULL))
) WITH (fillfactor = 80);

CREATE UNIQUE INDEX waitlist_one_live_per_user
    ON waitlist (concert_schedule_id, user_id) WHERE status <> 'ENDED';
CREATE INDEX waitlist_by_user ON waitlist (user_id, concert_schedule_id, waitlist_id);
CREATE INDEX waitlist_line ON waitlist (concert_schedule_id, waitlist_id) WHERE status = 'WAITING';
CREATE UNIQUE INDEX waitlist_offer_once
    ON waitlist (concert_booking_id) WHERE concert_booking_id IS NOT NULL;

ALTER TABLE concert_booking
    ADD COLUMN extended_at timestamptz,  -- a hold is extended once
    DROP CONSTRAINT concert_booking_state,
    ADD CONSTRAINT concert_booking_state CHECK (
        (status IN ('PENDING', 'CONFIRMED') AND canceled_reason IS NULL)
        OR (status = 'CANCELED' AND canceled_reason IS NOT NULL AND canceled_reason
            IN ('owner', 'expired', 'operator', 'refunded', 'date_canceled')));

-- A date's own bookings: exports, figures, cancelling it.
CREATE INDEX concert_booking_by_schedule ON concert_booking (concert_schedule_id, concert_booking_id);
-- A seat's history, and whether it has one: a seat that was booked is not removed.
CREATE INDEX concert_booking_by_seat ON concert_booking (concert_seat_id);

-- What a provider was asked to collect, for bookings of one visitor.
CREATE TABLE payment_intent (
    payment_intent_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint NOT NULL CONSTRAINT payment_intent_of_user REFERENCES users,
    room_id text NOT NULL,
    concert_booking_ids bigint[] NOT NULL,
    amount numeric(19, 4) NOT NULL CONSTRAINT payment_intent_amount CHECK (amount > 0),
    provider text NOT NULL,
    -- Our name of it at the provider: another database of ours counts from 1 as well.
    key uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT payment_intent_key_once UNIQUE,
    reference text,  -- the provider's name of it; null until the provider was reached
    secret text,  -- what the visitor's client pays with
    -- created -> succeeded | declined; a success that came too late: refund_due -> refunded
    status text NOT NULL DEFAULT 'created' CONSTRAINT payment_intent_status CHECK (
        status IN ('created', 'succeeded', 'declined', 'refund_due', 'refunded')),
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz,  -- when the provider is to be asked again, if at all
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT payment_intent_reference_once UNIQUE (provider, reference)
) WITH (fillfactor = 80);

CREATE INDEX payment_intent_by_user ON payment_intent (user_id, created_at);
CREATE INDEX payment_intent_due ON payment_intent (next_attempt_at) WHERE next_attempt_at IS NOT NULL;

-- A provider's events, each taken once.
CREATE TABLE provider_event (
    provider text NOT NULL,
    event_id text NOT NULL,
    kind text NOT NULL,
    -- null: about nothing that we asked for
    payment_intent_id bigint CONSTRAINT provider_event_of_intent REFERENCES payment_intent,
    happened_at timestamptz NOT NULL,  -- the provider's time
    received_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT provider_event_once PRIMARY KEY (provider, event_id)
);

ALTER TABLE payment
    ADD COLUMN refunded_amount numeric(19, 4) NOT NULL DEFAULT 0,
    ADD COLUMN payment_intent_id bigint CONSTRAINT payment_of_intent REFERENCES payment_intent,
    ADD CONSTRAINT payment_refunded_within CHECK (refunded_amount BETWEEN 0 AND payment_amount);

-- What a provider collected is charged once, and paid with at once.
ALTER TABLE ledger
    ADD COLUMN payment_intent_id bigint CONSTRAINT ledger_of_intent REFERENCES payment_intent
        CONSTRAINT ledger_intent_once UNIQUE,
    ADD CONSTRAINT ledger_intent_is_charge CHECK (payment_intent_id IS NULL OR kind = 'CHARGE');

-- Money given back, whole or in parts; each has its movement in the ledger.
CREATE TABLE refund (
    refund_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payment_id bigint NOT NULL CONSTRAINT refund_of_payment REFERENCES payment,
    ledger_id bigint NOT NULL CONSTRAINT refund_of_movement REFERENCES ledger
        CONSTRAINT refund_movement_once UNIQUE,
    refund_amount numeric(19, 4) NOT NULL CONSTRAINT refund_amount_not_negative CHECK (refund_amount >= 0),
    reason text NOT NULL,
    operator text,  -- null: the visitor's own wish
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX refund_by_payment ON refund (payment_id);

-- It says now how money is written.
DROP FUNCTION IF EXISTS cancel_booking(text, text, bigint);

-- Who is in: a ticket admits once, and a ticket is a CONFIRMED booking.
CREATE TABLE checkin (
    concert_booking_id bigint CONSTRAINT checkin_once PRIMARY KEY
        CONSTRAINT checkin_of_booking REFERENCES concert_booking,
    operator text NOT NULL,
    gate text NOT NULL DEFAULT '',  -- where, as the operator's device calls it
    used_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- What other systems are told, written in the transaction of what happened (an outbox).
CREATE TABLE webhook_event (
    webhook_event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,  -- booking.confirmed, booking.canceled, booking.refunded, schedule.sold_out …
    concert_booking_id bigint,  -- null: it is about the date
    concert_schedule_id bigint NOT NULL,
    -- Events of one line, a booking's or a date's own, are delivered in their order.
    line bigint NOT NULL
        GENERATED ALWAYS AS (coalesce(concert_booking_id, -concert_schedule_id)) STORED,
    payload jsonb NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz DEFAULT now(),  -- null: delivered, or given up
    delivered_at timestamptz,  -- null and not due: given up
    last_status integer,  -- of the last attempt: the HTTP status, or null
    last_error text,
    created_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 80);

CREATE INDEX webhook_event_due ON webhook_event (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX webhook_event_by_line ON webhook_event (line, webhook_event_id);
CREATE INDEX webhook_event_by_age ON webhook_event USING brin (created_at);

-- Work on a whole date that goes on in batches: cancelling it, with all its refunds.
CREATE TABLE schedule_job (
    schedule_job_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    concert_schedule_id bigint NOT NULL
        CONSTRAINT schedule_job_of_schedule REFERENCES concert_schedule,
    kind text NOT NULL CONSTRAINT schedule_job_kind CHECK (kind IN ('cancel')),
    reason text NOT NULL,
    refund_percent integer NOT NULL DEFAULT 100
        CONSTRAINT schedule_job_refund_percent CHECK (refund_percent BETWEEN 0 AND 100),
    operator text NOT NULL,
    total integer NOT NULL,
    done integer NOT NULL DEFAULT 0,
    refunded_amount numeric(19, 4) NOT NULL DEFAULT 0,
    finished_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE UNIQUE INDEX schedule_job_one_at_a_time
    ON schedule_job (concert_schedule_id) WHERE finished_at IS NULL;

-- It has more parameters now; without them it would sell what is stopped or waited for.
DROP FUNCTION IF EXISTS hold_seats(text, text, text, bigint, text[], text, text, bytea, text, integer);
