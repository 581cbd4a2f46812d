"""Requests of one moment share one call."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from shared.errors import Unavailable
from shared.together import Together
from tests.waiting import wait_until

Outcome = str | Exception


class Store:
    """Answers a call when it is told to; `calls` are those begun so far."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, list[str]]] = []
        self.answers: list[asyncio.Future[Sequence[Outcome]]] = []
        self.failed: dict[str, Exception] = {}

    async def __call__(self, key: str, asked: list[str]) -> Sequence[Outcome]:
        self.calls.append((key, asked))
        answer: asyncio.Future[Sequence[Outcome]] = asyncio.get_running_loop().create_future()
        self.answers.append(answer)
        return await answer

    async def begun(self, calls: int) -> None:
        async def found() -> bool:
            return len(self.calls) >= calls

        await wait_until(found)

    def answer(self, call: int) -> None:
        asked = self.calls[call][1]
        self.answers[call].set_result([self.failed.get(one, one.upper()) for one in asked])


@pytest.fixture
def store() -> Store:
    return Store()


def shared(store: Store, **settings: Any) -> Together[str, str, str]:
    return Together(store, **{"most": 100, "waiting": 100, "deadline_s": 60.0, **settings})


def asking(
    together: Together[str, str, str], *asked: str, key: str = "a"
) -> list["asyncio.Task[str]"]:
    return [asyncio.create_task(together.ask(key, one)) for one in asked]


async def ended(tasks: list["asyncio.Task[str]"]) -> list[Any]:
    async with asyncio.timeout(20):
        return await asyncio.gather(*tasks, return_exceptions=True)


async def test_all_who_ask_in_one_turn_share_one_call(store: Store) -> None:
    asked = asking(shared(store), "ann", "bob", "cat")
    await store.begun(1)
    store.answer(0)

    assert await ended(asked) == ["ANN", "BOB", "CAT"]
    assert store.calls == [("a", ["ann", "bob", "cat"])]


async def test_who_comes_while_a_call_is_under_way_shares_the_next_one(store: Store) -> None:
    together = shared(store)
    first = asking(together, "ann")
    await store.begun(1)
    later = asking(together, "bob", "cat")
    await asyncio.sleep(0)
    store.answer(0)
    await store.begun(2)
    store.answer(1)

    assert await ended(first + later) == ["ANN", "BOB", "CAT"]
    assert store.calls == [("a", ["ann"]), ("a", ["bob", "cat"])]


async def test_keys_share_nothing(store: Store) -> None:
    together = shared(store)
    asked = asking(together, "ann") + asking(together, "ann", key="b")
    await store.begun(2)
    store.answer(1)

    assert await ended(asked[1:]) == ["ANN"]
    assert not asked[0].done()
    store.answer(0)
    assert await ended(asked) == ["ANN", "ANN"]
    assert not together._lines


async def test_a_call_is_for_no_more_than_so_many_and_in_the_order_of_asking(store: Store) -> None:
    asked = asking(shared(store, most=2), "ann", "bob", "cat", "dan", "eve")
    for call in range(3):
        await store.begun(call + 1)
        store.answer(call)

    assert await ended(asked) == ["ANN", "BOB", "CAT", "DAN", "EVE"]
    assert [who for _, who in store.calls] == [["ann", "bob"], ["cat", "dan"], ["eve"]]


async def test_more_than_so_many_who_wait_are_told_at_once(store: Store) -> None:
    together = shared(store, waiting=2)
    asked = asking(together, "ann")
    await store.begun(1)
    asked += asking(together, "bob", "cat", "dan")
    await asyncio.sleep(0)
    assert isinstance((await ended(asked[3:]))[0], Unavailable)

    store.answer(0)
    await store.begun(2)
    store.answer(1)
    assert await ended(asked[:3]) == ["ANN", "BOB", "CAT"]


async def test_a_failed_call_fails_for_those_in_it_alone(store: Store) -> None:
    together = shared(store)
    first = asking(together, "ann", "bob")
    await store.begun(1)
    later = asking(together, "cat")
    await asyncio.sleep(0)
    store.answers[0].set_exception(ConnectionError("gone"))
    await store.begun(2)
    store.answer(1)

    assert [type(found) for found in await ended(first)] == [ConnectionError] * 2
    assert await ended(later) == ["CAT"]


async def test_an_answer_that_is_an_error_is_raised_for_that_one_alone(store: Store) -> None:
    store.failed["bob"] = LookupError("no bob")
    asked = asking(shared(store), "ann", "bob", "cat")
    await store.begun(1)
    store.answer(0)

    ann, bob, cat = await ended(asked)
    assert (ann, type(bob), cat) == ("ANN", LookupError, "CAT")


async def test_too_few_answers_are_nobodys(store: Store) -> None:
    asked = asking(shared(store), "ann", "bob")
    await store.begun(1)
    store.answers[0].set_result(["ANN"])
    assert [type(found) for found in await ended(asked)] == [RuntimeError] * 2


async def test_who_goes_away_disturbs_nobody_and_is_not_asked_for(store: Store) -> None:
    together = shared(store)
    first = asking(together, "ann", "bob")
    await store.begun(1)
    later = asking(together, "cat", "dan")
    await asyncio.sleep(0)
    first[0].cancel()
    later[0].cancel()
    await ended([first[0], later[0]])
    store.answer(0)
    await store.begun(2)
    store.answer(1)

    assert await ended([first[1], later[1]]) == ["BOB", "DAN"]
    assert store.calls[1] == ("a", ["dan"])


async def test_who_waited_too_long_is_told_so_whether_sent_or_not(store: Store) -> None:
    together = shared(store, deadline_s=0.05)
    asked = asking(together, "ann", "bob")
    await store.begun(1)
    asked += asking(together, "cat")
    assert [type(found) for found in await ended(asked)] == [Unavailable] * 3

    store.answer(0)  # nobody wants to know any more, and nobody is left to ask for

    async def over() -> bool:
        return not together._lines

    await wait_until(over)
    assert len(store.calls) == 1


async def test_who_came_later_has_their_own_time(store: Store) -> None:
    together = shared(store, deadline_s=0.05)
    first = asking(together, "ann")
    await store.begun(1)
    together._deadline_s = 60
    later = asking(together, "bob")
    assert [type(found) for found in await ended(first)] == [Unavailable]
    assert not later[0].done()

    store.answer(0)
    await store.begun(2)
    store.answer(1)
    assert await ended(later) == ["BOB"]


async def test_at_the_end_all_are_told_and_no_call_is_left(store: Store) -> None:
    together = shared(store)
    asked = asking(together, "ann")
    await store.begun(1)
    asked += asking(together, "bob")
    await asyncio.sleep(0)
    await together.close()

    assert [type(found) for found in await ended(asked)] == [Unavailable] * 2
    assert store.answers[0].cancelled()
    with pytest.raises(Unavailable):
        await together.ask("a", "cat")
    assert len(store.calls) == 1


async def test_what_one_does_with_its_answer_is_not_the_others_business(store: Store) -> None:
    together, told = shared(store), list[Outcome]()

    def fail(_: Outcome) -> None:
        raise ZeroDivisionError

    together.submit("a", "ann", fail)
    together.submit("a", "bob", told.append)
    await store.begun(1)
    store.answer(0)

    async def heard() -> bool:
        return told == ["BOB"]

    await wait_until(heard)
