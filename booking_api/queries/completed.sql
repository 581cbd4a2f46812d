-- completed: Redis knows that these tokens ended.
-- $1 token_value[]
WITH gone AS (DELETE FROM token_completion WHERE token_value = ANY ($1) RETURNING 1)
SELECT count(*) AS removed FROM gone
