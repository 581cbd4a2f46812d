"""The booking API against the model of `tests/model/sale.py`, by programs that hypothesis makes up.

A program is a list of steps; a step names visitors, seats and bookings by small numbers, so that
any part of a program is a program, and what fails shrinks well. After each step the answer must be
the model's; at the end, and whenever a program looks, so must everything that can be read, and the
questions of `onsale verify` must find nothing.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from tests.exploration import TIMES
from tests.integration.providing import Shop, shop
from tests.integration.sales import MORE_SEATS, Run


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happens."""

    do: Callable[[Run], Awaitable[None]]
    words: str

    def __repr__(self) -> str:
        return self.words


def step(name: str, *args: object) -> Step:
    return Step(
        lambda run: getattr(run, name)(*args),
        f"{name}({', '.join(map(repr, args))})",
    )


visitors = st.integers(0, 2)
rooms = st.integers(0, 1)
dates = st.sampled_from([0, 0, 0, 1, 1, 1, 2, 2, 3])
picks = st.integers(0, 5)
#: Mostly a key of its own; else one of few, so that they meet again.
keys = st.sampled_from([None, None, None, None, "k1", "k2"])
#: Mostly one's own bookings; mostly with the token of their room.
own = st.sampled_from([True, True, True, False])
outcomes = st.sampled_from(["success", "success", "success", "decline"])
other_room = st.sampled_from([0, 0, 0, 0, 1])

KINDS = {
    "hold": (
        8,
        (
            visitors,
            dates,
            st.lists(
                st.sampled_from(MORE_SEATS),
                min_size=1,
                max_size=4,
                unique=True,
            ),
            keys,
        ),
    ),
    "hold_best": (
        4,
        (
            visitors,
            dates,
            st.integers(1, 3),
            st.sampled_from([True, True, True, False]),
            st.sampled_from([None, None, None, "33.33", "20.00"]),
            keys,
        ),
    ),
    "buy": (4, (visitors, dates, st.integers(1, 2))),
    "pay_held": (4, (visitors, rooms)),
    "pay": (2, (visitors, st.lists(picks, min_size=1, max_size=3), own, other_room, keys)),
    "extend": (2, (visitors, picks, own, other_room, keys)),
    "cancel": (2, (visitors, picks, own, other_room)),
    "refund": (1, (visitors, picks, own, keys)),
    "refund_sold": (3, (picks,)),
    "refund_by_operator": (2, (picks, st.sampled_from(["0.00", "3.33", "5.00", "all"]), keys)),
    "expire": (5, (picks,)),
    "sweep": (1, (st.sampled_from([1, 2, 200]),)),
    "collect": (3, (visitors, rooms, outcomes)),
    "intend": (1, (visitors, st.lists(picks, min_size=1, max_size=3), own, other_room, keys)),
    "confirm": (1, (picks, outcomes)),
    "deliver": (3, (st.sampled_from([0, 0, 0, 1, 2, 3, 4, 5]),)),
    "work": (1, (picks,)),
    "sell_out": (3, (visitors, dates)),
    "release": (3, (dates, picks)),
    "join_list": (2, (visitors, dates)),
    "leave_list": (1, (visitors, dates)),
    "offer": (2, (dates,)),
    "charge": (1, (visitors, st.sampled_from(["0.01", "10.00", "33.33", "100.00"]), keys)),
    "again": (2, (picks,)),
    "come_again": (2, (visitors, rooms)),
    "set_state": (1, (dates, st.sampled_from(["stopped", "on_sale", "on_sale", "on_sale"]))),
    "close_refunds": (1, (st.integers(0, 9),)),
    "look": (1, ()),
}
steps = st.sampled_from(
    [name for name, (weight, _) in KINDS.items() for _ in range(weight)]
).flatmap(lambda name: st.builds(partial(step, name), *KINDS[name][1]))

FREELY = settings(
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
async def sale(redis: Redis, redis_url: str, database_url: str) -> AsyncIterator[Shop]:
    """A booking API and a provider, whose background loops rest."""
    async with shop(redis, redis_url, database_url) as stack:
        yield stack


TAKEN_OVER = [
    step("hold", 0, 0, ["A-1", "A-2"], None),
    step("expire", 0),
    step("look"),
    step("hold", 1, 0, ["A-1"], None),
    step("sweep", 200),
    step("pay_held", 1, 0),
]
GIVEN_BACK = [
    step("buy", 1, 0, 2),
    step("refund_by_operator", 0, "5.00", None),
    step("refund_sold", 0),
    step("again", 0),
    step("cancel", 1, 1, True, 0),
    step("buy", 2, 1, 2),
    step("refund_by_operator", 0, "30.00", None),
    step("refund_sold", 0),
    step("refund_by_operator", 1, "all", "k1"),
    step("again", 0),
    step("buy", 2, 1, 1),
    step("close_refunds", 1),
    step("refund_sold", 0),
]
OFFERED = [
    step("sell_out", 2, 0),
    step("join_list", 2, 0),
    step("hold_best", 2, 0, 1, True, None, None),
    step("release", 0, 0),
    step("extend", 2, 0, True, 0, None),
    step("collect", 2, 0, "success"),
    step("deliver", 0),
    step("join_list", 0, 0),
    step("release", 0, 0),
    step("expire", 1),
    step("join_list", 0, 0),
    step("sweep", 200),
    step("release", 0, 2),
    step("leave_list", 0, 0),
]
COLLECTED = [
    step("hold", 1, 0, ["A-1", "A-2"], None),
    step("collect", 1, 0, "decline"),
    step("deliver", 0),
    step("confirm", 0, "success"),
    step("deliver", 0),
    step("deliver", 1),
    step("deliver", 0),
    step("hold", 2, 1, ["A-1"], None),
    step("collect", 2, 0, "success"),
    step("expire", 0),
    step("deliver", 0),
    step("work", 0),
    step("deliver", 0),
    step("deliver", 1),
    step("hold", 2, 3, ["A-1"], None),
    step("collect", 2, 1, "success"),
    step("work", 0),
    step("deliver", 0),
]


async def run_program(sale: Shop, redis: Redis, program: list[Step]) -> None:
    run = await Run.begun(sale, redis)
    for each in program:
        await each.do(run)
    await run.end()


@pytest.mark.timeout(600)  # what fails is made as small as can be, which takes long
@settings(FREELY, max_examples=8)
@example(TAKEN_OVER)
@example(GIVEN_BACK)
@example(OFFERED)
@example(COLLECTED)
@given(program=st.lists(steps, min_size=15, max_size=40))
async def test_a_sale_answers_as_the_model_does(
    sale: Shop, redis: Redis, program: list[Step]
) -> None:
    await run_program(sale, redis, program)


@pytest.mark.slow
@pytest.mark.timeout(900 * TIMES)
@settings(FREELY, max_examples=60 * TIMES)
@given(program=st.lists(steps, min_size=40, max_size=120))
async def test_long_sales_answer_as_the_model_does(
    sale: Shop, redis: Redis, program: list[Step]
) -> None:
    await run_program(sale, redis, program)
