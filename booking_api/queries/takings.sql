-- takings: what came in for all dates of a concert.
-- $1 concert_id
SELECT count(p.payment_id) AS sold,
       count(p.payment_id) FILTER (WHERE b.status = 'CANCELED') AS canceled,
       coalesce(sum(p.payment_amount), 0) AS gross, coalesce(sum(p.refunded_amount), 0) AS refunded
FROM concert_schedule d
JOIN concert_booking b USING (concert_schedule_id)
JOIN payment p USING (concert_booking_id)
WHERE d.concert_id = $1
