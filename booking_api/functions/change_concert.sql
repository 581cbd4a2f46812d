/*
change_concert -- give a concert new settings; fields that p_changes lacks keep their values.
Lock order: the concert alone.
Returns outcome: changed; not_found; version_conflict (p_expected is neither its version nor '*').
What is kept in the audit names the old values, too.
*/
CREATE OR REPLACE FUNCTION change_concert(
    p_concert bigint, p_expected text, p_changes jsonb, p_operator text,
    OUT outcome text, OUT body jsonb
) LANGUAGE plpgsql AS $$
DECLARE
    v_was concert;
    v_is concert;
BEGIN
    SELECT * INTO v_was FROM concert c WHERE c.concert_id = p_concert FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        outcome := 'not_found';
        RETURN;
    ELSIF p_expected NOT IN ('*', v_was.version::text) THEN
        outcome := 'version_conflict';
        RETURN;
    END IF;
    v_is := jsonb_populate_record(v_was, p_changes);
    UPDATE concert c
    SET concert_name = v_is.concert_name, refund_percent = v_is.refund_percent,
        off_sale_at = CASE (p_changes ->> 'on_sale')::boolean
            WHEN true THEN NULL
            WHEN false THEN coalesce(v_was.off_sale_at, now())
            ELSE v_was.off_sale_at END,
        version = v_was.version + 1, updated_at = now()
    WHERE c.concert_id = p_concert;
    PERFORM audit_done(
        p_operator, 'concert.change', v_was.room_id, p_concert::text,
        changed(to_jsonb(v_was) || jsonb_build_object('on_sale', v_was.off_sale_at IS NULL),
                p_changes));
    outcome := 'changed';
END $$;
