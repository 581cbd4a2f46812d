"""The way of one visitor, from arrival to outcome."""

import asyncio

from onsale.rush.client import Client, Unexpected, Unreachable
from onsale.rush.crowd import Persona
from onsale.rush.record import VISIT, Kind, Outcome
from onsale.rush.sale import Sale
from onsale.rush.shopping import Shopper, charge
from onsale.rush.visit import Board, Ended, PlaceLost, Stage, Visit
from onsale.rush.waiting import Place

POCKET_MONEY = 125  # charged per seat wanted; dearer halls ask for more when it is time to pay


async def come(persona: Persona, sale: Sale, client: Client, board: Board, name: str) -> Outcome:
    """Live through one visit, however it ends; what goes wrong is in the record."""
    board.stages[Stage.COMING] += 1
    await asyncio.sleep(persona.arrives_after_s)
    board.stages[Stage.COMING] -= 1
    visit = Visit(persona, client, board, name)
    try:
        await _walk(visit, sale)
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
    visit.enter(Stage.GONE)
    board.outcomes[outcome] += 1
    return outcome


async def _walk(visit: Visit, sale: Sale) -> None:
    """Ends by raising Ended, or whatever stopped the visit."""
    visit.enter(Stage.SIGNING_UP)
    api = f"{sale.booking_url}/v1"
    user = await visit.ask(Kind.SIGN_UP, "POST", f"{api}/users", body={"user_name": visit.name})
    visit.identity = user.body["identity_token"]
    await charge(visit, api, f"{POCKET_MONEY * visit.persona.group}.00")
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
