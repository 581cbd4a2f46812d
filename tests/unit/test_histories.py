"""The checker of histories accepts what a seat can have told, and nothing else."""

import random

import pytest

from tests.histories.checker import linearizable
from tests.histories.seat import AVAILABLE, RESERVED, SOLD, Booking, Operation

FOREVER = 1e9


def hold(begin: float, end: float, booking: Booking, until: float = FOREVER) -> Operation:
    return Operation(
        "hold", begin, end, booking=booking, lapses_from=until - 0.01, lapses_by=until + 0.01
    )


def taken(begin: float, end: float) -> Operation:
    return Operation("hold", begin, end, "taken")


def pay(
    begin: float, end: float, booking: Booking, told: str = "done", until: float = FOREVER
) -> Operation:
    return Operation(
        "pay", begin, end, told, booking=booking, lapses_from=until - 0.01, lapses_by=until + 0.01
    )


def pay_too_late(begin: float, end: float, booking: Booking) -> Operation:
    """A provider's payment that came too late."""
    return Operation("pay", begin, end, "late", booking)


def extend(
    begin: float, end: float, booking: Booking, told: str = "done", until: float = FOREVER
) -> Operation:
    return Operation("extend", begin, end, told, booking, until - 0.01, until + 0.01)


def refund(begin: float, end: float, booking: Booking) -> Operation:
    return Operation("refund", begin, end, booking=booking)


def cancel(begin: float, end: float, booking: Booking, told: str = "done") -> Operation:
    return Operation("cancel", begin, end, told, booking=booking)


def read(begin: float, end: float, told: str) -> Operation:
    return Operation("read", begin, end, told)


def read_own(begin: float, end: float, booking: Booking, told: str) -> Operation:
    return Operation("read", begin, end, told, booking=booking)


def lost(operation: Operation) -> Operation:
    """The same, its answer never received."""
    return Operation(
        operation.kind,
        operation.begin,
        operation.begin,
        booking=operation.booking,
        lapses_from=operation.lapses_from,
        lapses_by=operation.lapses_by,
        known=False,
    )


GOOD = {
    "nothing happened": [],
    "one visit": [
        read(0, 1, AVAILABLE),
        hold(2, 3, 1),
        read(4, 5, RESERVED),
        taken(4, 6),
        pay(7, 8, 1),
        read(9, 10, SOLD),
        taken(11, 12),
    ],
    "a read during a hold sees either": [
        hold(0, 10, 1),
        read(1, 2, AVAILABLE),
        read(3, 4, RESERVED),
    ],
    "a refusal that ends before the hold that caused it": [taken(1, 2), hold(0, 10, 1)],
    "let go and taken by another": [hold(0, 1, 1), cancel(2, 3, 1), hold(4, 5, 2)],
    "the cancellation took effect before its answer came": [
        hold(0, 1, 1),
        cancel(2, 9, 1),
        hold(3, 4, 2),
    ],
    "taken over after its deadline": [hold(0, 1, 1, until=5), hold(6, 7, 2), read(8, 9, RESERVED)],
    "lapsed reads available": [hold(0, 1, 1, until=5), read(6, 7, AVAILABLE)],
    "too late to pay": [
        hold(0, 1, 1, until=5),
        hold(6, 7, 2),
        pay(8, 9, 1, "expired", until=5),
        pay(8, 9, 2),
    ],
    "a payment judged in time shows after the deadline": [
        hold(0, 1, 1, until=5),
        pay(4, 7, 1),
        read(5.5, 6, AVAILABLE),
        read(8, 9, SOLD),
    ],
    "paid once, then not payable": [
        hold(0, 1, 1),
        pay(2, 5, 1),
        pay(2, 6, 1, "ended"),
        cancel(7, 8, 1, "sold"),
    ],
    "a cancellation repeated": [hold(0, 1, 1), cancel(2, 3, 1), cancel(4, 5, 1)],
    "one's own booking": [
        hold(0, 1, 1),
        read_own(2, 3, 1, "PENDING"),
        pay(4, 5, 1),
        read_own(6, 7, 1, "CONFIRMED"),
    ],
    "sold, given back, sold again": [
        hold(0, 1, 1),
        pay(2, 3, 1),
        read(4, 5, SOLD),
        refund(6, 7, 1),
        read(8, 9, AVAILABLE),
        read_own(8, 9, 1, "CANCELED"),
        pay(8, 9, 1, "ended"),
        hold(10, 11, 2),
        pay(12, 13, 2),
        refund(14, 15, 1),
        read(16, 17, SOLD),
    ],
    "given back and offered before its owner was told": [
        hold(0, 1, 1),
        pay(2, 3, 1),
        refund(4, 9, 1),
        hold(3, 7, 2, until=20),
        read(6, 7, RESERVED),
        pay(10, 11, 2),
    ],
    "an offer found long after it was made, and lapsed": [
        hold(0, 1, 1),
        pay(2, 3, 1),
        refund(4, 5, 1),
        hold(4, 12, 2, until=8),
        read(6, 7, RESERVED),
        hold(9, 10, 3),
    ],
    "a hold that is given back though it was not sold": [hold(0, 1, 1), refund(2, 3, 1)],
    "extended once": [
        hold(0, 1, 1, until=5),
        extend(2, 3, 1, until=9),
        extend(3, 4, 1, "ended", until=5),
        taken(6, 7),
        read(6, 7, RESERVED),
        pay(7, 8, 1, until=9),
        extend(8, 9, 1, "ended", until=9),
    ],
    "extended, and lapsed": [
        hold(0, 1, 1, until=5),
        extend(2, 3, 1, until=9),
        read(10, 11, AVAILABLE),
        pay(10, 11, 1, "expired", until=9),
        hold(12, 13, 2),
        extend(14, 15, 1, "expired", until=9),
    ],
    "an extension judged in time shows after the deadline": [
        hold(0, 1, 1, until=5),
        extend(4, 7, 1, until=9),
        read(5.5, 6, AVAILABLE),
        read(8, 8.5, RESERVED),
    ],
    "collected too late": [
        hold(0, 1, 1, until=5),
        pay_too_late(6, 7, 1),
        hold(8, 9, 2),
        pay_too_late(10, 11, 1),
    ],
    "collected for what was let go, or paid otherwise": [
        hold(0, 1, 1),
        cancel(2, 3, 1),
        pay_too_late(4, 5, 1),
        hold(6, 7, 2),
        pay(8, 9, 2),
        pay_too_late(8, 10, 2),
    ],
    "a lost hold that happened": [lost(hold(0, 0, "?")), taken(5, 6)],
    "a lost hold that did not happen": [lost(hold(0, 0, "?")), hold(5, 6, 1)],
    "a lost payment that happened late": [
        hold(0, 1, 1),
        lost(pay(2, 2, 1)),
        read(3, 4, RESERVED),
        read(5, 6, SOLD),
    ],
}

BAD = {
    "two holds at once": [hold(0, 1, 1), hold(2, 3, 2)],
    "two concurrent holds, both told yes": [hold(0, 10, 1), hold(0, 10, 2)],
    "taken over before its deadline": [hold(0, 1, 1, until=5), hold(2, 3, 2)],
    "refused though nobody ever had it": [taken(0, 1), read(2, 3, AVAILABLE)],
    "refused after its deadline": [hold(0, 1, 1, until=5), taken(6, 7)],
    "a stale read": [hold(0, 1, 1), read(2, 3, AVAILABLE)],
    "a stale read of a sold seat": [hold(0, 1, 1), pay(2, 3, 1), read(4, 5, RESERVED)],
    "a read that goes back": [
        hold(0, 10, 1),
        read(1, 2, RESERVED),
        read(3, 4, AVAILABLE),
    ],
    "sold twice": [hold(0, 1, 1, until=5), hold(6, 7, 2), pay(8, 9, 1), pay(8, 9, 2)],
    "paid without a hold": [pay(0, 1, 1)],
    "paid after letting go": [hold(0, 1, 1), cancel(2, 3, 1), pay(4, 5, 1)],
    "paid twice": [hold(0, 1, 1), pay(2, 3, 1), pay(2, 3, 1)],
    "paid, then somebody else's": [hold(0, 1, 1, until=5), pay(2, 3, 1), hold(6, 7, 2)],
    "told too late before the deadline": [hold(0, 1, 1, until=9), pay(2, 3, 1, "expired", until=9)],
    "told too late, and sold": [
        hold(0, 1, 1, until=5),
        pay(2, 3, 1),
        pay(6, 7, 1, "expired", until=5),
    ],
    "not payable while held": [hold(0, 1, 1), pay(2, 3, 1, "ended")],
    "let go, and still taken": [hold(0, 1, 1), cancel(2, 3, 1), taken(4, 5)],
    "sold, and let go": [hold(0, 1, 1), pay(2, 3, 1), cancel(4, 5, 1)],
    "lapsed reads reserved": [hold(0, 1, 1, until=5), read(6, 7, RESERVED)],
    "own hold canceled before its deadline": [
        hold(0, 1, 1, until=9),
        read_own(2, 3, 1, "CANCELED"),
    ],
    "one's own booking still pending after it was paid": [
        hold(0, 1, 1),
        pay(2, 3, 1),
        read_own(4, 5, 1, "PENDING"),
    ],
    "given back, and still sold": [
        hold(0, 1, 1),
        pay(2, 3, 1),
        refund(4, 5, 1),
        read(6, 7, SOLD),
    ],
    "given back, and still one's own": [
        hold(0, 1, 1),
        pay(2, 3, 1),
        refund(4, 5, 1),
        read_own(6, 7, 1, "CONFIRMED"),
    ],
    "given back, and paid": [hold(0, 1, 1), refund(2, 3, 1), pay(4, 5, 1)],
    "offered while it was sold": [
        hold(0, 1, 1),
        pay(2, 3, 1),
        hold(4, 5, 2),
        refund(6, 7, 1),
    ],
    "given back, offered, and taken by a third": [
        hold(0, 1, 1),
        pay(2, 3, 1),
        refund(4, 5, 1),
        hold(4, 9, 2),
        read(6, 7, RESERVED),
        hold(8, 10, 3),
    ],
    "extended twice": [
        hold(0, 1, 1, until=5),
        extend(2, 3, 1, until=9),
        extend(4, 5, 1, until=13),
    ],
    "extended, and taken over at its first deadline": [
        hold(0, 1, 1, until=5),
        extend(2, 3, 1, until=9),
        hold(6, 7, 2),
    ],
    "extended, and too late at its first deadline": [
        hold(0, 1, 1, until=5),
        extend(2, 3, 1, until=9),
        pay(6, 7, 1, "expired", until=5),
    ],
    "extended, and lapsed at its first deadline": [
        hold(0, 1, 1, until=5),
        extend(2, 3, 1, until=9),
        read(6, 7, AVAILABLE),
    ],
    "extended after somebody else had it": [
        hold(0, 1, 1, until=5),
        hold(6, 7, 2),
        extend(8, 9, 1, until=13),
    ],
    "extended after it was let go": [hold(0, 1, 1), cancel(2, 3, 1), extend(4, 5, 1)],
    "not extended though it could be": [hold(0, 1, 1), extend(2, 3, 1, "ended")],
    "told too late to extend before the deadline": [
        hold(0, 1, 1, until=9),
        extend(2, 3, 1, "expired", until=9),
    ],
    "collected too late, and in time": [hold(0, 1, 1, until=9), pay_too_late(2, 3, 1)],
    "a lost hold happened before it was asked": [taken(0, 1), lost(hold(2, 2, "?"))],
    "a lost hold happened and did not": [
        lost(hold(0, 0, "?")),
        read(1, 2, RESERVED),
        read(3, 4, AVAILABLE),
    ],
}


@pytest.mark.parametrize("name", GOOD)
def test_a_history_that_a_seat_can_have_told_is_accepted(name: str) -> None:
    assert linearizable(GOOD[name])


@pytest.mark.parametrize("name", BAD)
def test_a_history_that_no_seat_can_have_told_is_rejected(name: str) -> None:
    assert not linearizable(BAD[name])


def made_up(dice: random.Random, length: int) -> list[Operation]:
    """What some clients see of a seat that does one thing at a time."""
    history: list[Operation] = []
    holder, until, sold, longer = 0, 0.0, False, False
    for index in range(1, length + 1):
        at = float(index)
        begin, end = at - dice.uniform(0, 8), at + dice.uniform(0, 8)
        live = holder and (sold or at < until)
        what = dice.choice(("hold", "read", "pay", "cancel", "extend", "refund"))
        if what == "hold":
            if live:
                history.append(taken(begin, end))
            else:
                holder, until, longer = index, at + dice.uniform(1, 30) + 0.5, False
                history.append(hold(begin, end, holder, until))
        elif what == "read":
            status = SOLD if sold else RESERVED if live else AVAILABLE
            history.append(read(begin, end, status))
        elif what == "pay" and live and not sold and dice.random() < 0.1:
            sold = True
            history.append(pay(begin, end, holder))
        elif what == "cancel" and live and not sold:
            history.append(cancel(begin, end, holder))
            holder = 0
        elif what == "extend" and live and not sold and not longer:
            until, longer = until + 2, True
            history.append(extend(begin, end, holder, until=until))
        elif what == "refund" and sold and dice.random() < 0.3:
            history.append(refund(begin, end, holder))
            holder, sold = 0, False
    return history


@pytest.mark.parametrize("seed", range(20))
def test_long_histories_are_accepted_and_one_lie_in_them_is_found(seed: int) -> None:
    dice = random.Random(seed)
    history = made_up(dice, 300)
    assert linearizable(history)
    last = max(operation.end for operation in history)
    lie = [hold(last + 1, last + 2, "one"), hold(last + 3, last + 4, "other")]
    assert not linearizable([*history, *lie])
