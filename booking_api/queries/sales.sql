-- sales: what was sold and given back, by day (UTC) and price band, the newest day first. A seat
-- without a band is in the one of the price it was sold for.
-- $1 concert_schedule_id or null  $2 concert_id or null  $3 limit  $4 digits of the currency
WITH sold AS (
    SELECT p.payment_id, coalesce(nullif(s.band, ''), round(b.price, $4::integer)::text) AS band,
           p.payment_amount, p.created_at
    FROM concert_booking b
    JOIN payment p USING (concert_booking_id)
    JOIN concert_seat s ON s.concert_seat_id = b.concert_seat_id
    WHERE b.concert_schedule_id = ANY (ARRAY(
        SELECT d.concert_schedule_id FROM concert_schedule d
        WHERE d.concert_schedule_id = $1 OR d.concert_id = $2))
), moved AS (
    SELECT (created_at AT TIME ZONE 'UTC')::date AS day, band, 1 AS sold, 0 AS refunds,
           payment_amount AS gross, 0::numeric AS refunded
    FROM sold
    UNION ALL
    SELECT (r.created_at AT TIME ZONE 'UTC')::date, k.band, 0, 1, 0, r.refund_amount
    FROM sold k JOIN refund r USING (payment_id)
)
SELECT day, band, sum(sold) AS sold, sum(refunds) AS refunds, sum(gross) AS gross,
       sum(refunded) AS refunded
FROM moved GROUP BY day, band ORDER BY day DESC, band LIMIT $3
