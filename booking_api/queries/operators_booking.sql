-- operators_booking: one booking of anybody's, with its payment and its check-in; past its deadline a
-- hold reads CANCELED.
-- $1 concert_booking_id
SELECT b.concert_booking_id, b.concert_schedule_id, b.concert_seat_id, s.seat_number, b.user_id,
       u.external_id AS visitor, b.price,
       CASE WHEN b.status = 'PENDING' AND b.expiration_at <= now() THEN 'CANCELED'
            ELSE b.status END AS status,
       b.canceled_reason, b.expiration_at, b.extended_at, b.room_id, b.token_value, b.created_at,
       b.updated_at, p.payment_id, p.payment_amount, p.refunded_amount, p.payment_intent_id,
       p.created_at AS paid_at, i.used_at, i.gate, i.operator AS checked_by
FROM concert_booking b
JOIN users u USING (user_id)
JOIN concert_seat s ON s.concert_seat_id = b.concert_seat_id
LEFT JOIN payment p ON p.concert_booking_id = b.concert_booking_id
LEFT JOIN checkin i ON i.concert_booking_id = b.concert_booking_id
WHERE b.concert_booking_id = $1
