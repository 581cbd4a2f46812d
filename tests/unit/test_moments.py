"""What is asked in one moment is decided in one statement, each of it as if it were alone."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import pytest

from booking_api import moments
from booking_api.moments import Moments
from shared.errors import SeatTaken, Unavailable
from tests.waiting import wait_until


class Desk:
    """Decides by saying what it was asked; can be made to wait, to fail, and to hand things on."""

    def __init__(self) -> None:
        self.moments: list[list[str]] = []
        self.alone: list[str] = []
        self.not_plain: set[str] = set()
        self.poison: set[str] = set()
        self.fails: Exception | None = None
        self.open = asyncio.Event()
        self.open.set()
        self.blocked: dict[str, asyncio.Event] = {}

    async def together(self, asked: list[str]) -> list[str | Exception | None]:
        self.moments.append(asked)
        await self.open.wait()
        if self.fails is not None:
            raise self.fails
        if self.poison.intersection(asked):
            raise asyncpg.DataError("what no statement takes")
        return [None if name in self.not_plain else f"{name} together" for name in asked]

    async def decide(self, name: str) -> str:
        self.alone.append(name)
        if name in self.blocked:
            await self.blocked[name].wait()
        if name in self.poison:
            raise asyncpg.DataError("what no statement takes")
        return f"{name} alone"


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
async def sale(desk: Desk) -> AsyncIterator[Moments[str, str]]:
    found = Moments(desk.together, desk.decide)
    yield found
    desk.open.set()
    for block in desk.blocked.values():
        block.set()
    await found.close()


def asking(
    sale: Moments[str, str], *names: str, seat: str | None = None
) -> "list[asyncio.Task[str]]":
    """One request after the other; each of a visitor of the same name."""
    shared = [] if seat is None else [("seat", seat)]
    return [asyncio.create_task(sale.ask(name, [("visitor", name)], shared)) for name in names]


async def until(true: Callable[[], Any]) -> None:
    async def look() -> Any:
        return true()

    await wait_until(look)


async def test_who_meets_nobody_goes_alone(sale: Moments[str, str], desk: Desk) -> None:
    assert await sale.ask("a", ["a"]) == "a alone"
    assert await sale.ask("b", ["b"]) == "b alone"
    assert not desk.moments


async def test_those_of_one_moment_share_a_statement(sale: Moments[str, str], desk: Desk) -> None:
    assert await asyncio.gather(*asking(sale, "a", "b", "c")) == [
        "a together",
        "b together",
        "c together",
    ]
    assert desk.moments == [["a", "b", "c"]]


async def test_who_comes_meanwhile_is_of_the_next_moment(
    sale: Moments[str, str], desk: Desk
) -> None:
    desk.open.clear()
    first = asking(sale, "a", "b")
    await until(lambda: desk.moments)
    second = asking(sale, "c", "d")
    await asyncio.sleep(0)
    desk.open.set()
    await asyncio.gather(*first, *second)

    assert desk.moments == [["a", "b"], ["c", "d"]]


async def test_a_moment_is_bounded(
    sale: Moments[str, str], desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moments, "MOST", 2)
    await asyncio.gather(*asking(sale, "a", "b", "c", "d"))

    assert desk.moments == [["a", "b"], ["c", "d"]]


async def test_the_line_is_bounded(
    sale: Moments[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moments, "WAITING", 2)
    found = await asyncio.gather(*asking(sale, "a", "b", "c"), return_exceptions=True)

    assert found[:2] == ["a together", "b together"]
    assert isinstance(found[2], Unavailable)


async def test_one_visitor_is_in_a_moment_once(sale: Moments[str, str], desk: Desk) -> None:
    first, second, other = asking(sale, "a", "a", "b")

    await asyncio.gather(first, second, other)
    assert [first.result(), second.result()] == ["a together", "a alone"]
    assert (desk.moments, desk.alone) == ([["a", "b"]], ["a"])


async def test_one_seat_may_be_wanted_twice_in_a_moment_in_the_order_of_asking(
    sale: Moments[str, str], desk: Desk
) -> None:
    await asyncio.gather(*asking(sale, "a", "b", "c", seat="A-1"))

    assert desk.moments == [["a", "b", "c"]]


async def test_nobody_overtakes_who_asked_for_the_same_before(
    sale: Moments[str, str], desk: Desk
) -> None:
    """Whoever has to go alone keeps its turn: those behind it wait, and the others do not."""
    desk.not_plain, desk.blocked = {"a"}, {"a": asyncio.Event()}
    first = asking(sale, "a", "b", seat="A-1")
    await until(lambda: desk.alone)
    behind = asking(sale, "c", "d", seat="A-1")
    others = asking(sale, "e", "f", seat="A-2")

    assert await asyncio.gather(first[1], *others) == ["b together", "e together", "f together"]
    assert desk.moments == [["a", "b"], ["e", "f"]]
    desk.blocked["a"].set()
    assert await asyncio.gather(first[0], *behind) == ["a alone", "c together", "d together"]


async def test_who_is_passed_over_bars_those_behind(sale: Moments[str, str], desk: Desk) -> None:
    """b waits for a, and has the seat that c wants."""
    desk.blocked = {"a": asyncio.Event()}
    (a,) = asking(sale, "a")
    await until(lambda: desk.alone)
    b = asyncio.create_task(sale.ask("b", [("visitor", "a")], [("seat", "A-1")]))
    c, d = *asking(sale, "c", seat="A-1"), *asking(sale, "d", seat="A-2")

    assert await d == "d together"
    desk.blocked["a"].set()
    await asyncio.gather(a, b, c)
    assert desk.moments == [["d"], ["b", "c"]]


async def test_a_poisonous_request_fails_alone(sale: Moments[str, str], desk: Desk) -> None:
    desk.poison = {"b"}
    found = await asyncio.gather(*asking(sale, "a", "b", "c"), return_exceptions=True)

    assert (found[0], found[2]) == ("a alone", "c alone")
    assert isinstance(found[1], asyncpg.DataError)
    assert sorted(desk.alone) == ["a", "b", "c"]


@pytest.mark.parametrize(
    "lost",
    [
        asyncpg.ConnectionDoesNotExistError(),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.QueryCanceledError(),
        TimeoutError(),
        ConnectionResetError(),
    ],
)
async def test_what_may_have_happened_is_not_asked_again(
    sale: Moments[str, str], desk: Desk, lost: Exception
) -> None:
    desk.fails = lost
    found = await asyncio.gather(*asking(sale, "a", "b"), return_exceptions=True)

    assert [type(answer) for answer in found] == [Unavailable, Unavailable]
    assert not desk.alone


async def test_a_deadlock_is_tried_alone_and_no_further(
    sale: Moments[str, str], desk: Desk
) -> None:
    desk.fails = asyncpg.DeadlockDetectedError()

    assert await asyncio.gather(*asking(sale, "a", "b")) == ["a alone", "b alone"]
    assert (len(desk.moments), len(desk.alone)) == (1, 2)


async def test_an_answer_may_be_a_refusal_of_one(desk: Desk) -> None:
    async def together(asked: list[str]) -> list[str | Exception | None]:
        return [SeatTaken() if name == "b" else name for name in asked]

    sale = Moments(together, desk.decide)
    found = await asyncio.gather(*asking(sale, "a", "b", "c"), return_exceptions=True)

    assert (found[0], found[2]) == ("a", "c")
    assert isinstance(found[1], SeatTaken)
    await sale.close()


async def test_answers_that_are_too_few_are_nobodys(desk: Desk) -> None:
    async def together(asked: list[str]) -> list[str | Exception | None]:
        return ["one"]

    sale = Moments(together, desk.decide)

    assert await asyncio.gather(*asking(sale, "a", "b")) == ["a alone", "b alone"]
    await sale.close()


async def test_who_goes_away_is_not_asked_for(sale: Moments[str, str], desk: Desk) -> None:
    desk.open.clear()
    first = asking(sale, "a", "b")
    await until(lambda: desk.moments)
    gone, left, stays = asking(sale, "c", "d", "e")
    await asyncio.sleep(0)
    gone.cancel()
    desk.open.set()

    assert await asyncio.gather(*first, left, stays) == [
        "a together",
        "b together",
        "d together",
        "e together",
    ]
    assert desk.moments[1] == ["d", "e"]


async def test_who_goes_away_meanwhile_disturbs_nobody(sale: Moments[str, str], desk: Desk) -> None:
    desk.open.clear()
    gone, stays = asking(sale, "a", "b")
    await until(lambda: desk.moments)
    gone.cancel()
    await asyncio.sleep(0)
    desk.open.set()

    assert await stays == "b together"
    assert await sale.ask("a", [("visitor", "a")]) == "a alone"


async def test_who_waits_long_for_one_that_goes_alone_finds_out_in_the_database(
    sale: Moments[str, str], desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moments, "PATIENCE_S", 0.0)
    desk.blocked = {"a": asyncio.Event()}
    (first,) = asking(sale, "a", seat="A-1")
    await until(lambda: desk.alone)
    (second,) = asking(sale, "b", seat="A-1")

    assert await second == "b alone"
    assert not first.done()


async def test_nobody_waits_longer_than_the_deadline(
    sale: Moments[str, str], desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moments, "ACQUIRE_DEADLINE_S", 0.0)
    desk.open.clear()
    first = asking(sale, "a", "b")
    await until(lambda: desk.moments)
    (late,) = asking(sale, "c")

    with pytest.raises(Unavailable):
        await late
    desk.open.set()
    assert await asyncio.gather(*first) == ["a together", "b together"]
    assert len(desk.moments) == 1, "nobody asks for who has been refused"


async def test_at_the_end_who_waits_is_told_and_what_is_under_way_ends(
    sale: Moments[str, str], desk: Desk
) -> None:
    desk.open.clear()
    first = asking(sale, "a", "b")
    await until(lambda: desk.moments)
    (waiting,) = asking(sale, "c")
    await asyncio.sleep(0)
    closing = asyncio.create_task(sale.close())

    with pytest.raises(Unavailable):
        await waiting
    desk.open.set()
    assert await asyncio.gather(*first) == ["a together", "b together"]
    await closing
    with pytest.raises(Unavailable):
        await sale.ask("d", ["d"])
