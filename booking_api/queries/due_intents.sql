-- due_intents: take the intents whose end is not known or whose money is to be given back, and put
-- each off: 5, 10, 20 s, at most an hour. Any number of processes may take at once. After three days
-- nobody asks any more what became of an unpaid one; money is given back until it is done.
-- $1 provider  $2 most to take
-- MATERIALIZED: a join may run a subquery again, and take others.
WITH due AS MATERIALIZED (
    SELECT payment_intent_id FROM payment_intent
    WHERE next_attempt_at <= now() AND provider = $1
    ORDER BY next_attempt_at LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE payment_intent i
SET attempts = i.attempts + 1,
    next_attempt_at = CASE
        WHEN i.status <> 'refund_due' AND i.created_at < now() - interval '3 days' THEN NULL
        ELSE now() + least(3600, 5 * power(2, least(i.attempts, 10))) * interval '1 second' END
FROM due
WHERE i.payment_intent_id = due.payment_intent_id
RETURNING i.payment_intent_id, i.key, i.reference, i.amount, i.status
