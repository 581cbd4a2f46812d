-- take_off_sale: show and sell a concert no more; what was sold of it stays.
-- $1 concert_id
UPDATE concert SET off_sale_at = coalesce(off_sale_at, now()), updated_at = now()
WHERE concert_id = $1
RETURNING concert_id
