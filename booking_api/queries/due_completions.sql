-- due_completions: take the tokens whose end Redis was not told of in time, and put each off:
-- 1, 2, 4, at most 5 s. Any number of processes may take at once.
-- $1 most to take
-- MATERIALIZED: a join may run a subquery again, and take others.
WITH due AS MATERIALIZED (
    SELECT token_value FROM token_completion WHERE next_attempt_at <= now()
    ORDER BY next_attempt_at LIMIT $1 FOR UPDATE SKIP LOCKED
)
UPDATE token_completion c
SET attempts = attempts + 1,
    next_attempt_at = now() + least(5, power(2, least(attempts, 3))) * interval '1 second'
FROM due
WHERE c.token_value = due.token_value
RETURNING c.token_value, c.room_id, c.visitor, c.generation, c.number
