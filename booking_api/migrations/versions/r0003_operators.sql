-- What operators did: written before it is done (the gateway) or with it (the booking API).
CREATE TABLE audit (
    audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    operator text NOT NULL,  -- the name of the key
    action text NOT NULL,
    room_id text,  -- null where it is about no room
    subject text,  -- whom or what in it: a visitor, a concert, a date
    changes jsonb NOT NULL,
    outcome text NOT NULL,  -- 'begun' as long as it is not known, 'done', or why it was refused
    begun_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz
);

CREATE INDEX audit_by_room ON audit (room_id, audit_id);
CREATE INDEX audit_by_operator ON audit (operator, audit_id);

-- A visitor's last token, and a room's last admissions.
CREATE INDEX queue_by_visitor ON queue (room_id, visitor, generation, number);
CREATE INDEX queue_by_admission ON queue (room_id, admitted_at) WHERE admitted_at IS NOT NULL;
