/*
charge_balance -- add money to a visitor's balance, and say so in the ledger.
Lock order: key, the user.
Returns outcome and body: charged, replayed; balance_full (the balance would pass p_most);
idempotency_key_reused, request_in_progress.
Keeps B6, B7, B8.
*/
CREATE OR REPLACE FUNCTION charge_balance(
    p_visitor text, p_amount numeric, p_most numeric,
    p_path text, p_key text, p_fingerprint bytea, p_currency text, p_digits integer,
    OUT outcome text, OUT body jsonb
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    v_user bigint;
    v_balance numeric;
BEGIN
    SELECT o.user_id, o.outcome, o.body INTO v_user, outcome, body
    FROM begin_once(p_visitor, p_path, p_key, p_fingerprint) o;
    IF outcome IS NOT NULL THEN
        RETURN;
    END IF;
    v_user := coalesce(v_user, (ensure_user(p_visitor)).user_id);
    UPDATE users u SET balance = u.balance + p_amount, updated_at = clock_timestamp()
    WHERE u.user_id = v_user AND u.balance + p_amount <= p_most
    RETURNING u.balance INTO v_balance;
    IF NOT FOUND THEN
        outcome := 'balance_full';
        RETURN;
    END IF;
    INSERT INTO ledger (user_id, kind, amount, balance_after)
    VALUES (v_user, 'CHARGE', p_amount, v_balance);
    outcome := 'charged';
    body := jsonb_build_object('balance', money_text(v_balance, p_digits), 'currency', p_currency);
    PERFORM end_once(v_user, p_path, p_key, p_fingerprint, body);
END $$;
