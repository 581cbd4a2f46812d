/*
money_text, utc_text -- how answers show money and times.
money_text: exactly the currency's digits, '120.00'. utc_text: RFC 3339 in UTC, milliseconds.
*/
CREATE OR REPLACE FUNCTION money_text(p_amount numeric, p_digits integer) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT round(p_amount, p_digits)::text $$;

CREATE OR REPLACE FUNCTION utc_text(p_time timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT to_char(p_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

/*
hold_shown, hold_answer -- how answers show a held seat, and a hold of several (p_bookings) with what
they cost together.
*/
CREATE OR REPLACE FUNCTION hold_shown(
    p_booking bigint, p_schedule bigint, p_seat bigint, p_seat_number text, p_price numeric,
    p_until timestamptz, p_created timestamptz, p_currency text, p_digits integer
) RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT jsonb_build_object(
        'concert_booking_id', p_booking,
        'concert_schedule_id', p_schedule,
        'concert_seat_id', p_seat,
        'seat_number', p_seat_number,
        'price', money_text(p_price, p_digits),
        'currency', p_currency,
        'status', 'PENDING',
        'expiration_at', utc_text(p_until),
        'created_at', utc_text(p_created))
$$;

CREATE OR REPLACE FUNCTION hold_answer(
    p_bookings jsonb, p_total numeric, p_currency text, p_digits integer
) RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT jsonb_build_object(
        'bookings', p_bookings, 'total', money_text(p_total, p_digits), 'currency', p_currency)
$$;
