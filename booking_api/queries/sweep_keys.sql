-- sweep_keys: forget first answers after a day, a batch at a time.
-- $1 most keys to forget
WITH old AS (
    SELECT ctid FROM idempotency_key WHERE created_at < now() - interval '24 hours'
    LIMIT $1 FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM idempotency_key k USING old WHERE k.ctid = old.ctid RETURNING 1
)
SELECT count(*) AS forgotten FROM gone
