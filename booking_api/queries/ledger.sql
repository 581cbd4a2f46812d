-- ledger: a visitor's movements, newest first, below a cursor.
-- $1 visitor  $2 ledger_id to go on below, or null  $3 limit
SELECT l.ledger_id, l.kind, l.amount, l.balance_after, l.payment_id, p.concert_booking_id,
       r.refund_id, l.created_at
FROM ledger l JOIN users u USING (user_id) LEFT JOIN payment p USING (payment_id)
LEFT JOIN refund r USING (ledger_id)
WHERE u.external_id = $1 AND ($2::bigint IS NULL OR l.ledger_id < $2)
ORDER BY l.ledger_id DESC LIMIT $3
