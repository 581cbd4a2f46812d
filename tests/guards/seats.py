"""Guards of rooms that end with their sale: what is counted, and who comes in for a seat."""

from tests.guards import Guard
from tests.guards.rows import rows

_SEATS = "tests/integration/test_room_seats.py::"
_COUNT = "tests/integration/test_availability.py::"

GUARDS: tuple[Guard, ...] = (
    *rows(
        "lua/fragments/admission.lua",
        (
            "while all seats are held nobody is admitted",
            "A4",
            "    and seats_left(room, now) > 0\n",
            "",
            _SEATS + "test_by_hand_nobody_comes_in_while_all_seats_are_held",
        ),
        (
            "a seat that comes back admits one",
            "A4",
            "math.floor(room.level / UNIT), seats_left(room, now))",
            "math.floor(room.level / UNIT))",
            _SEATS + "test_each_seat_that_comes_back_admits_one",
        ),
        (
            "who came for a seat is remembered",
            "A4",
            "call_with('SADD', CALLED, called)",
            "redis.call('SCARD', CALLED)",
            _SEATS + "test_a_count_that_says_the_same_again_admits_nobody_more",
        ),
    ),
    *rows(
        "lua/fragments/places.lua",
        (
            "whose place ended comes for no seat",
            "A5",
            "redis.call('SREM', CALLED, string.format('%d', number))",
            "redis.call('SCARD', CALLED)",
            _SEATS + "test_who_leaves_without_a_seat_makes_way_for_the_next",
        ),
    ),
    *rows(
        "lua/fragments/visits.lua",
        (
            "a generation's reason is its own",
            "A6",
            "or redis.call('HGET', REASONS, string.format('%d', generation))",
            "or redis.call('HGET', SETTINGS, 'closed_reason')",
            _SEATS + "test_a_place_keeps_the_reason_of_its_own_closing",
        ),
    ),
    *rows(
        "lua/fragments/sale.lua",
        (
            "figures that nobody renews are not known",
            "A5",
            " or now - tonumber(at) > SALE_KEPT_MS",
            "",
            _SEATS + "test_figures_that_nobody_renews_hold_up_no_line",
        ),
        (
            "as long as a seat is held nothing is sold out",
            "A6",
            "  if seats.reserved > 0 then return 'held_out' end\n",
            "",
            _SEATS + "test_a_hold_that_is_left_keeps_the_room",
        ),
        (
            "a hall without seats is not sold out",
            "A6",
            "return seats.sold > 0 and 'sold_out' or 'on_sale'",
            "return 'sold_out'",
            _SEATS + "test_a_hall_without_seats_is_not_sold_out",
        ),
    ),
    *rows(
        "lua/sell.lua",
        (
            "an old count changes nothing",
            "A4",
            "if known and seats.version < known.version then",
            "if false then",
            _SEATS + "test_an_old_count_that_comes_late_changes_nothing",
        ),
        (
            "only rooms that were told to end with their sale do",
            "A5",
            "if room.ends_with_sale == 1 then",
            "if true then",
            _SEATS + "test_a_room_that_goes_on_stays_open_when_all_is_sold",
        ),
        (
            "a room closes once",
            "A6",
            "closes = phase ~= 'over' and room.state ~= 'closed'",
            "closes = room.state ~= 'closed'",
            _SEATS + "test_a_sold_out_room_that_is_opened_again_stays_open",
        ),
        (
            "once all are held again nobody is on the way to a seat",
            "A5",
            "  if seats.available == 0 then redis.call('UNLINK', CALLED) end\n",
            "",
            _SEATS + "test_once_all_seats_are_held_again_everybody_called_has_had_their_chance",
        ),
        (
            "who has a seat is on the way to none",
            "A5",
            "  for index = 8, #ARGV do redis.call('SREM', CALLED, ARGV[index]) end\n",
            "",
            _SEATS + "test_who_has_a_seat_by_now_makes_way_for_the_next",
        ),
    ),
    *rows(
        "lua/admit.lua",
        (
            "who comes for a seat is no pace of the line",
            "E1",
            "if not by_seat then count_pace(lane.slot, #lane.chosen, now) end",
            "count_pace(lane.slot, #lane.chosen, now)",
            _SEATS + "test_what_a_seat_admits_is_no_pace_of_the_line",
        ),
    ),
    *rows(
        "booking_api/queries/seats_left.sql",
        (
            "a hold past its deadline counts as free",
            "B9",
            "OR (s.status = 'RESERVED' AND s.held_until <= now())) AS free",
            ") AS free",
            _COUNT + "test_a_hold_past_its_deadline_counts_as_free_before_any_sweep",
        ),
        (
            "what is stopped or off sale is not counted",
            "A6",
            "WHERE c.off_sale_at IS NULL AND d.state = 'on_sale'",
            "",
            _COUNT + "test_what_is_not_sold_any_more_is_not_counted",
        ),
        (
            "free seats that are to be offered are as good as held",
            "A4",
            "CASE WHEN o.kept THEN 0 ELSE n.free END",
            "n.free",
            _COUNT + "test_free_seats_that_a_waiting_list_is_to_be_offered_are_as_good_as_held",
        ),
        (
            "a count knows how much was committed",
            "A4",
            "pg_snapshot_xmax(s)::text::bigint - (SELECT count(*) FROM pg_snapshot_xip(s))",
            "0",
            _COUNT + "test_a_count_that_was_made_before_another_one_is_told_in_vain",
        ),
    ),
    *rows(
        "booking_api/counting.py",
        (
            "a hold ends by itself, though nothing is committed",
            "B9",
            " or monotonic() >= known.lapses_at",
            "",
            _COUNT + "test_a_hold_that_ends_by_itself_is_counted_though_nobody_wrote",
        ),
    ),
    *rows(
        "booking_api/availability.py",
        (
            "who bought the last seat is told so before the room ends",
            "A6",
            "if counted.sold_out and not counted.settled:",
            "if False:",
            _COUNT + "test_the_last_buyers_token_is_completed_before_the_room_ends",
        ),
        (
            "one process counts",
            "S3",
            "if not await self._lease.held():",
            "if False:",
            _COUNT + "test_one_of_two_processes_counts_and_the_other_takes_over",
        ),
        (
            "what did not change is told again before it is forgotten",
            "A4",
            "or now - told.at >= RENEWED_S",
            "or False",
            _COUNT + "test_what_did_not_change_is_told_again_before_it_is_forgotten",
        ),
    ),
)
