"""The oracle: for each rule a log that breaks it, and one that only looks as if it did."""

from collections.abc import Iterable
from typing import Any

import pytest

from onsale.rush.oracle import Oracle, Rules
from onsale.rush.record import Receipt
from onsale.rush.sightings import Sighting
from onsale.verify.check import Finding

RULES = Rules(max_active=2, admit_per_minute=60, version=1)  # one a second, bursts of one


def join(at: tuple[float, float], number: int, status: str = "WAIT", **more: Any) -> Sighting:
    return seen(at, number, status, joined=True, **{"made": True, **more})


def seen(at: tuple[float, float], number: int, status: str = "WAIT", **more: Any) -> Sighting:
    """An answer about a number, asked for and received at these moments; its own visitor's."""
    return Sighting(
        *at, **{"visitor": number, "generation": 1, **more}, number=number, status=status
    )


def verdicts(
    *log: Sighting,
    rules: Rules | None = RULES,
    receipts: Iterable[Receipt] = (),
    missing: Iterable[int] = (),
    rooms: Iterable[tuple[float, int, int]] = (),
) -> dict[str, Finding]:
    oracle = Oracle(rules)
    for received, serving, active in rooms:
        oracle.see_room(received, {"serving_number": serving, "active": active})
    for sighting in log:
        oracle.see(sighting)
    for receipt in receipts:
        oracle.see_receipt(receipt)
    return {finding.name: finding for finding in oracle.judge(missing).findings}


def broken(*log: Sighting, **more: Any) -> set[str]:
    return {name for name, finding in verdicts(*log, **more).items() if finding.broken}


def receipt(visitor: str, payment_id: int, seat: str = "A-1") -> Receipt:
    return Receipt(visitor, payment_id, payment_id + 100, (1, seat), "120.00")


USUAL = (
    join((0, 1), 1, position=1),
    join((0, 1), 2, position=2),
    seen((2, 3), 1, "ACTIVE"),
    seen((2, 3), 2, position=1),
    seen((4, 5), 2, "ACTIVE"),
    seen((5, 6), 1, "EXPIRED", reason="completed"),
    seen((7, 8), 2, "EXPIRED", reason="timed_out"),
)


def test_the_usual_way_breaks_nothing_and_everything_is_judged() -> None:
    found = verdicts(*USUAL, receipts=[receipt("v1", 1)])
    assert not [name for name, finding in found.items() if finding.broken]
    assert set(found) == {"O1", "O2", "O3", "O4", "A1", "A2", "A6", "B1", "B13"}


def test_the_order_in_which_clients_report_does_not_matter() -> None:
    assert (
        broken(*[s for s in USUAL if s.visitor == 2], *[s for s in USUAL if s.visitor == 1])
        == set()
    )
    early, late = seen((2, 3), 6, "ACTIVE"), seen((4, 5), 5, position=1)
    assert broken(early, late) == broken(late, early) == {"O2"}


# O1: numbers


def test_one_number_of_two_visitors_is_named() -> None:
    found = seen((2, 3), 5, visitor=2)
    assert broken(join((0, 1), 5, visitor=1), found) == {"O1"}
    other = seen((2, 3), 5, visitor=2, generation=2)
    assert broken(join((0, 1), 5, visitor=1), other) == set()


def test_a_lower_number_for_who_joined_later_is_named() -> None:
    assert broken(join((0, 1), 6), join((2, 3), 5)) == {"O1"}
    assert broken(join((0, 2), 6), join((1, 3), 5)) == set()  # both were on their way


# O2: order


def test_waiting_on_behind_a_higher_number_let_in_before_is_named() -> None:
    assert broken(seen((0, 1), 6, "ACTIVE"), seen((2, 3), 5, position=1)) == {"O2"}
    assert broken(seen((0, 2), 6, "ACTIVE"), seen((1, 3), 5, position=1)) == set()


def test_a_higher_number_that_ended_unadmitted_has_overtaken_nobody() -> None:
    gone = seen((0, 1), 6, "EXPIRED", reason="left")
    assert broken(gone, seen((2, 3), 5, position=1)) == set()
    unclaimed = seen((0, 1), 6, "EXPIRED", reason="unclaimed")
    assert broken(unclaimed, seen((2, 3), 5, position=1)) == {"O2"}


def test_numbers_of_another_generation_do_not_compare() -> None:
    earlier = seen((0, 1), 900, "ACTIVE", generation=1)
    assert broken(earlier, seen((2, 3), 5, position=1, generation=2)) == set()


def test_the_number_the_room_calls_is_an_admission_too() -> None:
    assert broken(seen((2, 3), 5, position=1), rooms=[(1.0, 6, 1)]) == {"O2"}
    assert broken(seen((2, 3), 5, position=1), rooms=[(2.5, 6, 1)]) == set()
    assert broken(seen((2, 3), 5, position=1), rooms=[(1.0, 4, 1)]) == set()


# O3: positions


def test_a_position_that_grew_is_named() -> None:
    assert broken(seen((0, 1), 5, position=3), seen((2, 3), 5, position=4)) == {"O3"}
    assert broken(seen((0, 1), 5, position=3), seen((2, 3), 5, position=3)) == set()


def test_the_position_of_an_answer_on_its_way_may_be_older() -> None:
    assert broken(seen((0, 2), 5, position=3), seen((1, 3), 5, position=4)) == set()


def test_a_position_that_grew_is_named_past_an_answer_in_between() -> None:
    log = (seen((0, 1), 5, position=3), seen((0, 2), 5, position=9), seen((3, 4), 5, position=4))
    assert verdicts(*log)["O3"].broken == [{"number": 5, "position": 4, "before": 3}]


# O4: places


def test_two_places_of_one_visitor_at_once_are_named() -> None:
    two = (join((0, 1), 5, visitor=1), join((0, 1), 6, visitor=1))
    assert broken(*two) == set()  # the first may have ended before the second was made
    assert broken(*two, seen((2, 3), 5, visitor=1)) == {"O4"}


def test_a_place_after_another_ended_is_right() -> None:
    first = (join((0, 1), 5, visitor=1), seen((2, 3), 5, "EXPIRED", reason="idle", visitor=1))
    assert broken(*first, join((4, 5), 6, visitor=1)) == set()


def test_two_answers_that_made_one_place_are_named() -> None:
    assert broken(join((0, 1), 5), join((0, 1), 5)) == {"O4"}
    assert broken(join((0, 1), 5), join((0, 1), 5, made=False)) == set()


# A6: statuses


@pytest.mark.parametrize(
    ("before", "after"), [("ACTIVE", "WAIT"), ("EXPIRED", "WAIT"), ("EXPIRED", "ACTIVE")]
)
def test_a_status_that_went_back_is_named(before: str, after: str) -> None:
    assert broken(seen((0, 1), 5, before), seen((2, 3), 5, after)) == {"A6"}
    assert broken(seen((0, 2), 5, before), seen((1, 3), 5, after)) == set()


# A1: cap


def active(number: int, begin: float, end: float) -> tuple[Sighting, Sighting]:
    """Seen ACTIVE first by `begin` and last from `end` on."""
    return seen((begin - 9, begin), number, "ACTIVE"), seen((end, end + 9), number, "ACTIVE")


def test_more_at_once_than_the_cap_are_named() -> None:
    three = (*active(1, 10, 40), *active(2, 20, 50), *active(3, 30, 60))
    assert verdicts(*three)["A1"].broken == [{"certainly_active": 3, "max_active": 2}]


def test_only_what_is_certain_counts_against_the_cap() -> None:
    two_by_two = (*active(1, 10, 30), *active(2, 20, 50), *active(3, 30, 60))
    assert broken(*two_by_two) == set()
    # Seen ACTIVE once each: nobody knows for how long.
    assert broken(*(seen((0, 9 * n), n, "ACTIVE") for n in (1, 2, 3))) == set()


def test_the_room_may_not_say_more_than_the_cap_either() -> None:
    assert broken(rooms=[(1.0, 0, 2), (2.0, 0, 3)]) == {"A1"}
    assert broken(rooms=[(1.0, 0, 3), (2.0, 0, 3)]) == set()  # a cap that was lowered before


# A2: rate


def admitted(number: int, after: float, by: float) -> tuple[Sighting, Sighting]:
    return seen((after, after), number, position=1), seen((by, by), number, "ACTIVE")


def test_more_admissions_in_a_window_than_rate_and_burst_are_named() -> None:
    """One a second and one at once: in a window of a second two, not three."""
    three = (*admitted(1, 10, 10.2), *admitted(2, 10, 10.5), *admitted(3, 10, 10.9))
    (row,) = verdicts(*three)["A2"].broken
    assert (row["admitted"], row["window_s"]) == (3, 0.9)


def test_only_admissions_certainly_in_the_window_count() -> None:
    early = (*admitted(1, 9, 10.2), *admitted(2, 10, 10.5), *admitted(3, 10, 11.1))
    assert broken(*early) == set()  # the first may have been at 9
    never_waited = (seen((0, 1), n, "ACTIVE") for n in (1, 2, 3))
    assert broken(*never_waited) == set()  # may have been let in long before


def test_a_join_dates_an_admission_too() -> None:
    assert broken(*(join((10, 10.9), n, "ACTIVE") for n in (1, 2, 3))) == {"A2"}


def test_rules_that_changed_on_the_way_judge_nobody() -> None:
    three = (*admitted(1, 10, 10.2), *admitted(2, 10, 10.5), *admitted(3, 10, 10.9))
    found = verdicts(*three, rules=None)
    assert not found["A1"].broken
    assert not found["A2"].broken
    assert "not judged" in found["A2"].counted[0]


# The sale


def test_a_seat_confirmed_to_two_clients_is_named() -> None:
    assert broken(receipts=[receipt("v1", 1), receipt("v2", 2)]) == {"B1"}
    assert broken(receipts=[receipt("v1", 1), receipt("v1", 1)]) == set()
    assert broken(receipts=[receipt("v1", 1), receipt("v2", 2, "A-2")]) == set()


def test_a_receipt_without_its_payment_is_named() -> None:
    assert broken(receipts=[receipt("v1", 41)], missing=[41]) == {"B13"}
    assert broken(receipts=[receipt("v1", 41)], missing=[]) == set()
