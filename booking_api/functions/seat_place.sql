/*
seat_place -- where a seat is, read from its number: 'BALCONY-A-12', 'A-12', 'A12'.
section: all that stands before the row, '' if nothing does. seat_row and place: both null where the
number names none; place is 0 to 999,999, and neighbours differ by one.
The migration that added the columns reads the same.
*/
CREATE OR REPLACE FUNCTION seat_place(
    p_number text, OUT section text, OUT seat_row text, OUT place integer
) LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(m[1], ''), m[2], m[3]::integer
    FROM (SELECT coalesce(
        regexp_match(p_number, '^(?:(.+)-)?([^-]+)-([0-9]{1,6})$'),
        regexp_match(p_number, '^(?:(.+)-)?([^-]*[^-0-9])([0-9]{1,6})$')) AS m) read
$$;
