"""Ending the loops that outlive whatever their stores do."""

import asyncio
from typing import Any

#: An ended loop needs a moment for its cleanup; one that lives on is told again.
_AGAIN_S = 1.0


async def end(*tasks: "asyncio.Task[Any]") -> None:
    """Cancel loops and wait until all have ended, however each of them ends.

    Cancelled once is not enough: where a connection is lost in the same moment, giving it back
    raises in place of the cancellation, which the loop takes for one more failure of its store.
    """
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_AGAIN_S)
