-- intent: one payment through a provider, of its visitor.
-- $1 visitor  $2 payment_intent_id
SELECT i.payment_intent_id, i.concert_booking_ids, i.amount, i.key, i.reference, i.secret, i.status,
       i.created_at
FROM payment_intent i JOIN users u USING (user_id)
WHERE u.external_id = $1 AND i.payment_intent_id = $2
