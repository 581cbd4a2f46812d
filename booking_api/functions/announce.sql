/*
announce -- write down what other systems are to be told, in the transaction of what happened.
Events of one booking are delivered in the order of their rows; see booking_api/webhooks.py.
*/
CREATE OR REPLACE FUNCTION announce(
    p_kind text, p_booking bigint, p_schedule bigint, p_payload jsonb
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO webhook_event (kind, concert_booking_id, concert_schedule_id, payload)
    VALUES (p_kind, p_booking, p_schedule, p_payload)
$$;
