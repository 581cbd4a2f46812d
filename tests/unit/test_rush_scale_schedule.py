"""The open loop: polls are sent when they are due, whatever became of the ones before."""

import time

from onsale.rush.scale.schedule import Schedule, open_loop


def test_who_is_due_comes_in_the_order_of_time_then_of_adding() -> None:
    schedule = Schedule[str]()
    for due, who in ((3.0, "third"), (1.0, "first"), (1.0, "second"), (9.0, "later")):
        schedule.add(due, who)
    assert list(schedule.take(3.0)) == [(1.0, "first"), (1.0, "second"), (3.0, "third")]
    assert (schedule.following, len(schedule)) == (9.0, 1)


def test_nobody_is_due_of_nobody() -> None:
    schedule = Schedule[str]()
    assert list(schedule.take(1.0)) == []
    assert schedule.following is None


async def test_nobody_is_sent_before_the_time() -> None:
    schedule, sent = Schedule[str](), list[tuple[str, float, float]]()
    now = time.monotonic()
    for index in range(5):
        schedule.add(now + 0.01 * index, str(index))
    await open_loop(
        schedule, lambda who, due: sent.append((who, due, time.monotonic())), now + 0.05
    )
    assert [who for who, _, _ in sent] == ["0", "1", "2", "3", "4"]
    assert all(at >= due for _, due, at in sent)


async def test_whoever_is_late_is_sent_all_the_same_with_the_time_that_was_due() -> None:
    schedule, sent = Schedule[int](), list[tuple[int, float]]()
    now = time.monotonic()
    for index in range(1000):
        schedule.add(now - 10 + index / 1000, index)
    await open_loop(schedule, lambda who, due: sent.append((who, due)), now)
    assert sent == [(index, now - 10 + index / 1000) for index in range(1000)]


async def test_it_waits_for_no_answer() -> None:
    # One whose answer says when to come again, and one whose answer never comes.
    schedule, sent = Schedule[str](), list[str]()
    now = time.monotonic()
    schedule.add(now, "answered")
    schedule.add(now, "silent")

    def send(who: str, due: float) -> None:
        sent.append(who)
        if who == "answered" and len(sent) < 10:
            schedule.add(due + 0.001, who)

    await open_loop(schedule, send, now + 0.05)
    assert sent[:3] == ["answered", "silent", "answered"]
    assert sent.count("answered") == 9


async def test_what_is_due_after_the_end_is_left() -> None:
    schedule, sent = Schedule[str](), list[str]()
    now = time.monotonic()
    schedule.add(now + 0.01, "before")
    schedule.add(now + 3600, "after")
    await open_loop(schedule, lambda who, _: sent.append(who), now + 0.02)
    assert (sent, len(schedule)) == (["before"], 1)
