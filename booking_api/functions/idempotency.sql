/*
key_lock -- the advisory lock of an Idempotency-Key.
*/
CREATE OR REPLACE FUNCTION key_lock(p_visitor text, p_path text, p_key text) RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT hashtextextended(concat_ws(E'\n', p_visitor, 'POST', p_path, p_key), 0)
$$;

/*
wait_for_key -- wait a bounded time for the first request with the same key.
Returns whether it ended in time. The lock ends with the transaction, after its commit is visible.
*/
CREATE OR REPLACE FUNCTION wait_for_key(p_lock bigint) RETURNS boolean
LANGUAGE plpgsql SET lock_timeout = '2s' AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(p_lock);
    RETURN true;
EXCEPTION WHEN lock_not_available THEN
    RETURN false;
END $$;

/*
begin_once -- the first step of every use case with an Idempotency-Key: take the key, look it up.
Locks: the key (user + method + path + key), before anything else, until the transaction ends.
Returns user_id (null when the visitor has no row yet) and outcome:
    null                    go on
    replayed                body is the first answer
    idempotency_key_reused  the key came with another body
    request_in_progress     the first request still runs
Keeps B8: one idempotency key, one effect.
*/
CREATE OR REPLACE FUNCTION begin_once(
    p_visitor text, p_path text, p_key text, p_fingerprint bytea,
    OUT user_id bigint, OUT outcome text, OUT body jsonb
) LANGUAGE plpgsql AS $$
DECLARE
    v_lock CONSTANT bigint := key_lock(p_visitor, p_path, p_key);
    v_fingerprint bytea;
BEGIN
    IF NOT pg_try_advisory_xact_lock(v_lock) AND NOT wait_for_key(v_lock) THEN
        outcome := 'request_in_progress';
        RETURN;
    END IF;
    SELECT u.user_id, k.fingerprint, k.response INTO user_id, v_fingerprint, body
    FROM users u
    LEFT JOIN idempotency_key k
        ON k.user_id = u.user_id AND k.method = 'POST' AND k.path = p_path AND k.key = p_key
    WHERE u.external_id = p_visitor;
    IF v_fingerprint = p_fingerprint THEN
        outcome := 'replayed';
    ELSIF v_fingerprint IS NOT NULL THEN
        outcome := 'idempotency_key_reused';
        body := NULL;
    END IF;
END $$;

/*
end_once -- the last step: keep the answer, in the transaction of its effect. Only success comes here.
*/
CREATE OR REPLACE FUNCTION end_once(
    p_user bigint, p_path text, p_key text, p_fingerprint bytea, p_body jsonb
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO idempotency_key (user_id, method, path, key, fingerprint, status, response)
    VALUES (p_user, 'POST', p_path, p_key, p_fingerprint, 201, p_body);
END $$;
