"""Writing down that holds have ended, and forgetting old keys.

Nothing waits for it: what is past its deadline reads as ended everywhere before any sweep.
"""

from booking_api.database import Sale

PAUSE_S = 1.0
#: Seats locked by one transaction; a sweep goes on until it finds fewer.
BATCH = 200
KEYS_BATCH = 1000


async def sweep(sale: Sale) -> int:
    """End every hold past its deadline; returns how many. Any number of processes may run it."""
    ended = 0
    while True:
        row = await sale.row("sweep_expired", BATCH)
        found = 0 if row is None else int(row["ended"])
        ended += found
        if found < BATCH:
            break
    await sale.rows("sweep_keys", KEYS_BATCH)
    return ended
