-- keep_reference: the provider's name of an intent, and what its visitor pays with.
-- $1 payment_intent_id  $2 reference  $3 secret
UPDATE payment_intent
SET reference = coalesce(reference, $2), secret = coalesce(secret, $3), updated_at = now()
WHERE payment_intent_id = $1
RETURNING payment_intent_id, concert_booking_ids, amount, key, reference, secret, status, created_at
