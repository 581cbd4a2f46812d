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
