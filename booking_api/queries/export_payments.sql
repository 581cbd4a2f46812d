-- export_payments: what was paid for a date's bookings above an id, each payment before what was
-- given back of it.
-- $1 concert_schedule_id  $2 concert_booking_id to go on above  $3 most bookings
SELECT b.concert_booking_id, p.payment_id, m.kind, m.amount, m.at, s.seat_number, s.section, s.band,
       b.user_id, u.external_id AS visitor, p.payment_intent_id, m.refund_id, m.reason, m.operator
FROM (SELECT b.concert_booking_id, b.user_id, b.concert_seat_id, p.payment_id, p.payment_amount,
             p.payment_intent_id, p.created_at
      FROM concert_booking b JOIN payment p USING (concert_booking_id)
      WHERE b.concert_schedule_id = $1 AND b.concert_booking_id > $2
      ORDER BY b.concert_booking_id LIMIT $3) p
JOIN concert_booking b USING (concert_booking_id)
JOIN users u ON u.user_id = b.user_id
JOIN concert_seat s ON s.concert_seat_id = b.concert_seat_id
CROSS JOIN LATERAL (
    SELECT 'PAYMENT' AS kind, p.payment_amount AS amount, p.created_at AS at,
           NULL::bigint AS refund_id, NULL::text AS reason, NULL::text AS operator
    UNION ALL
    SELECT 'REFUND', -r.refund_amount, r.created_at, r.refund_id, r.reason, r.operator
    FROM refund r WHERE r.payment_id = p.payment_id) m
ORDER BY b.concert_booking_id, m.refund_id NULLS FIRST
