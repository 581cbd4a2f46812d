-- operators_refunds: what was given back of a payment, the newest first.
-- $1 payment_id  $2 limit
SELECT refund_id, refund_amount, reason, operator, created_at FROM refund WHERE payment_id = $1
ORDER BY refund_id DESC LIMIT $2
