"""The way of one visitor, from sign-up to outcome."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from onsale.rush.client import Unexpected, Unreachable
from onsale.rush.record import VISIT, Kind, Outcome
from onsale.rush.sale import Sale
from onsale.rush.shopping import Shopper, charge
from onsale.rush.visit import Ended, PlaceLost, Stage, Visit
from onsale.rush.waiting import Place

POCKET_MONEY = 125  # charged per seat wanted; dearer halls ask for more when it is time to pay


async def prepare(visit: Visit, sale: Sale) -> bool:
    """Get an account and money, before the doors open; False when the visit failed at that."""
    visit.enter(Stage.SIGNING_UP)
    outcome = await lived(visit, _sign_up(visit, sale))
    if outcome is None:
        visit.enter(Stage.COMING)
    return outcome is None


async def come(visit: Visit, sale: Sale) -> None:
    """Live through a prepared visit, however it ends; call when the doors open."""
    await asyncio.sleep(visit.persona.arrives_after_s)
    visit.arrive()
    await lived(visit, _walk(visit, sale))


async def lived(visit: Visit, part: Coroutine[Any, Any, None]) -> Outcome | None:
    """How the visit ended in this part of it, None when it goes on; what went wrong is recorded."""
    try:
        await part
    except Ended as end:
        outcome = end.outcome
    except Unexpected:
        outcome = Outcome.FAILED
    except Unreachable as error:
        visit.surprise(VISIT, str(error))
        outcome = Outcome.FAILED
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError) as error:
        # An answer of another shape than the contract's surfaces here.
        visit.surprise(VISIT, f"unreadable answer: {error!r}{_where(error)}")
        outcome = Outcome.FAILED
    else:
        return None
    visit.enter(Stage.GONE)
    visit.board.outcomes[outcome] += 1
    return outcome


async def _sign_up(visit: Visit, sale: Sale) -> None:
    api = f"{sale.booking_url}/v1"
    user = await visit.ask(Kind.SIGN_UP, "POST", f"{api}/users", body={"user_name": visit.name})
    visit.identity = user.body["identity_token"]
    await charge(visit, api, f"{POCKET_MONEY * visit.persona.group}.00")


async def _walk(visit: Visit, sale: Sale) -> None:
    """Ends by raising Ended, or whatever stopped the visit."""
    place = Place(visit, sale)
    shopper = Shopper(visit, sale, place)
    first = True
    while True:
        if await place.wait(first=first):
            try:
                await shopper.shop()
            except PlaceLost:
                visit.record.events["time up inside"] += 1
        first = False
        if visit.patience_s() <= 0:
            raise Ended(Outcome.GAVE_UP_INSIDE)


def _where(error: BaseException) -> str:
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f" at {trace.tb_frame.f_code.co_name}:{trace.tb_lineno}" if trace else ""
