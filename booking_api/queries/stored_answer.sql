-- stored_answer: the first answer under an Idempotency-Key, if its request succeeded.
-- $1 visitor  $2 path  $3 key
SELECT k.fingerprint, k.response AS body
FROM idempotency_key k JOIN users u USING (user_id)
WHERE u.external_id = $1 AND k.method = 'POST' AND k.path = $2 AND k.key = $3
