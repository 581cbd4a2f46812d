"""A room's figures for operators: what was counted, how the line moved, how long people waited."""

from typing import get_args

from aiohttp import web

from queue_gateway.answers import Reason
from queue_gateway.history import History
from queue_gateway.operators_answers import Admissions, Ended, Stats, Waits
from queue_gateway.recent import Recent
from queue_gateway.room import PACE_SLOT_MS, Rooms
from queue_gateway.room_view import RoomView
from shared.places import timestamp

#: An hour of ten-second slots.
SLOTS = 360
#: However many streams show a room, its figures are read twice a second; and its waits, which cost
#: more, every few seconds.
AGE_S = 0.5
WAITS_AGE_S = 3.0


class Figures:
    """The figures of all rooms."""

    def __init__(self, rooms: Rooms, history: History):
        self._rooms = rooms
        self._history = history
        self._stats = Recent[Stats](AGE_S)
        self._waits = Recent[Waits | None](WAITS_AGE_S)

    async def recent(self, room_id: str) -> Stats:
        """A room's figures of the last moment. Raises NotFound, the stores' errors."""
        return await self._stats.get(room_id, lambda: self.of(room_id))

    async def of(self, room_id: str) -> Stats:
        """A room's figures of now; its waits may be a little older. Raises the same."""
        view = await self._rooms.view(room_id, SLOTS)
        since = view.counted_from
        waits = await self._waits.get((room_id, since), lambda: self._read_waits(room_id, since))
        public = view.public()
        return Stats(
            room_id=room_id,
            waiting=public.waiting,
            active=public.active,
            admitted=view.counted("admitted"),
            ended=Ended(**{reason: view.counted(reason) for reason in get_args(Reason)}),
            waits_s=waits,
            admissions_per_s=_admissions(view),
            lanes=public.lanes,
        )

    async def _read_waits(self, room_id: str, since: int) -> Waits | None:
        found = await self._history.waits_s(room_id, since)
        return None if found is None else Waits(*(round(wait_s, 3) for wait_s in found))


def _admissions(view: RoomView) -> list[Admissions]:
    first = view.now_ms // PACE_SLOT_MS - len(view.pace) + 1
    return [
        Admissions(timestamp((first + index) * PACE_SLOT_MS), slot.admitted)
        for index, slot in enumerate(view.pace)
    ]


FIGURES = web.AppKey("figures", Figures)
