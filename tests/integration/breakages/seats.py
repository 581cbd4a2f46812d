"""Breaking seats: B1, B2 and B12."""

from tests.integration.breakages.breakage import (
    BOOKING_STATE,
    ONE_LIVE,
    SEAT_STATE,
    Breakage,
    booking,
    drop,
    payment,
    refund,
)

SEATS = (
    Breakage(
        "B1",
        "two holds of a seat",
        ONE_LIVE + booking(3),
        shows="[3, 5]",
        also=("B2",),  # the seat row can name only one
    ),
    Breakage(
        "B1",
        "a hold of a sold seat",
        ONE_LIVE + booking(1),
        shows="[1, 5]",
        also=("B2",),
    ),
    Breakage("B2", "AVAILABLE with a hold", booking(5), shows="'seat_number': 'A-5'"),
    Breakage(
        "B2",
        "AVAILABLE though held",
        "UPDATE concert_seat SET status = 'AVAILABLE', concert_booking_id = NULL,"
        " held_until = NULL WHERE concert_seat_id = 3;",
        shows="'booking': 3",
    ),
    Breakage(
        "B2",
        "AVAILABLE with a deadline",
        SEAT_STATE + "UPDATE concert_seat SET held_until = now() WHERE concert_seat_id = 6;",
        shows="'seat_number': 'A-6'",
    ),
    Breakage(
        "B2",
        "AVAILABLE, and names a booking",
        SEAT_STATE + "UPDATE concert_seat SET concert_booking_id = 3 WHERE concert_seat_id = 6;",
        shows="'seat_says': 3",
    ),
    Breakage(
        "B2",
        "RESERVED for a booking of another seat",
        "UPDATE concert_seat SET status = 'RESERVED', concert_booking_id = 3, held_until = now()"
        " WHERE concert_seat_id = 5;",
        shows="'seat_number': 'A-5'",
    ),
    Breakage(
        "B2",
        "RESERVED, and names the wrong booking",
        "UPDATE concert_seat SET concert_booking_id = 1 WHERE concert_seat_id = 3;",
        shows="'seat_says': 1",
    ),
    Breakage(
        "B2",
        "RESERVED longer than its booking",
        "UPDATE concert_seat SET held_until = held_until + interval '1 ms'"
        " WHERE concert_seat_id = 3;",
        shows="'booking': 3",
    ),
    Breakage(
        "B2",
        "RESERVED though paid",
        "UPDATE concert_seat SET status = 'RESERVED', held_until = now()"
        " WHERE concert_seat_id = 1;",
        shows="'payment_id': 1",
    ),
    Breakage("B2", "PENDING though paid", payment(3, 2, 50), shows="'payment_id': 3"),
    Breakage(
        "B2",
        "SOLD though not paid",
        "UPDATE concert_seat SET status = 'SOLD', held_until = NULL WHERE concert_seat_id = 3;",
        shows="'booking_status': 'PENDING'",
    ),
    Breakage(
        "B2",
        "SOLD, and names the wrong booking",
        "UPDATE concert_seat SET concert_booking_id = 2 WHERE concert_seat_id = 1;",
        shows="'seat_says': 2",
    ),
    Breakage(
        "B2",
        "SOLD with a deadline",
        SEAT_STATE + "UPDATE concert_seat SET held_until = now() WHERE concert_seat_id = 1;",
        shows="'seat_number': 'A-1'",
    ),
    Breakage(
        "B2",
        "SOLD though all was given back",
        refund(1, 50),
        shows="'payment_id': 1",
    ),
    Breakage(
        "B2",
        "CONFIRMED without its payment",
        "DELETE FROM ledger WHERE payment_id = 2; DELETE FROM payment WHERE payment_id = 2;"
        "UPDATE users SET balance = 50 WHERE user_id = 1;",
        shows="'seat_number': 'A-2'",
        # An answer names that payment, and nothing says when it was.
        also=("B4", "B8"),
    ),
    Breakage(
        "B2",
        "a seat in a state there is not",
        SEAT_STATE + "UPDATE concert_seat SET status = 'LOST' WHERE concert_seat_id = 6;",
        shows="'LOST'",
        also=("B12",),  # it is not in any of the three sums
    ),
    Breakage(
        "B2",
        "a booking in a state there is not",
        BOOKING_STATE + "UPDATE concert_booking SET status = 'HELD' WHERE concert_booking_id = 3;",
        shows="'HELD'",
    ),
    Breakage(
        "B2",
        "a booking of no seat",
        drop("concert_booking", "concert_booking_of_seat")
        + "UPDATE concert_booking SET concert_seat_id = 99 WHERE concert_booking_id = 3;",
        shows="'booking': 3",
    ),
    Breakage(
        "B2",
        "a booking of a seat of another date",
        "INSERT INTO concert_schedule (concert_schedule_id, concert_id, schedule_date)"
        " OVERRIDING SYSTEM VALUE VALUES (2, 1, now());"
        "UPDATE concert_booking SET concert_schedule_id = 2 WHERE concert_booking_id = 3;"
        "UPDATE user_schedule SET concert_schedule_id = 2 WHERE user_id = 2;",
        shows="'booking': 3",
    ),
    Breakage(
        "B12",
        "a seat is gone",
        "DELETE FROM concert_seat WHERE concert_seat_id = 6;",
        shows="'seats': 5",
    ),
    Breakage(
        "B12",
        "a seat too few",
        "UPDATE concert_schedule SET seats_loaded = 7;",
        shows="'seats_loaded': 7",
    ),
    Breakage(
        "B12",
        "a seat of no date",
        drop("concert_seat", "concert_seat_of_schedule")
        + "UPDATE concert_seat SET concert_schedule_id = 99 WHERE concert_seat_id = 6;",
        shows="'concert_schedule_id': 99",
    ),
)
