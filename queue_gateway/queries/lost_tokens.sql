-- lost_tokens: end tokens whose places the store has lost. Without a reason: one may still be in the
-- journal.
-- $1 token_value[]
UPDATE queue SET status = 'EXPIRED', ended_at = now(), expired_at = now(), updated_at = now()
WHERE token_value = ANY ($1) AND status <> 'EXPIRED'
