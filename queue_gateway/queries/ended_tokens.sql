-- ended_tokens: those of some tokens that ended, and why.
-- $1 token_value[]
SELECT visitor, number, coalesce(reason, 'revoked') AS reason FROM queue
WHERE token_value = ANY ($1) AND status = 'EXPIRED'
