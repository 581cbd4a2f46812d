/*
ensure_user -- the row of a visitor, made at first use under the visitor's own name.
Locks: none but the new row; a concurrent first use waits for ours and finds its row.
Returns the row of users.
*/
CREATE OR REPLACE FUNCTION ensure_user(p_visitor text) RETURNS users
LANGUAGE plpgsql AS $$
DECLARE
    v_user users;
BEGIN
    SELECT * INTO v_user FROM users WHERE external_id = p_visitor;
    IF FOUND THEN
        RETURN v_user;
    END IF;
    INSERT INTO users (external_id, user_name) VALUES (p_visitor, p_visitor)
    ON CONFLICT (external_id) DO NOTHING RETURNING * INTO v_user;
    IF NOT FOUND THEN
        SELECT * INTO STRICT v_user FROM users WHERE external_id = p_visitor;
    END IF;
    RETURN v_user;
END $$;
