/*
audit_done -- keep what an operator did, in the transaction that does it.
*/
CREATE OR REPLACE FUNCTION audit_done(
    p_operator text, p_action text, p_room text, p_subject text, p_changes jsonb
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO audit (operator, action, room_id, subject, changes, outcome, ended_at)
    VALUES (p_operator, p_action, p_room, p_subject, p_changes, 'done', now())
$$;

/*
changed -- what a change is kept as: the new values, and under 'was' those that they replaced.
*/
CREATE OR REPLACE FUNCTION changed(p_was jsonb, p_changes jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT p_changes || jsonb_build_object('was', (
        SELECT coalesce(jsonb_object_agg(k, p_was -> k), '{}') FROM jsonb_object_keys(p_changes) k))
$$;
