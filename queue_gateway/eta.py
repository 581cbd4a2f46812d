"""How long a wait may be, from how the line really moved."""

from collections.abc import Sequence
from dataclasses import dataclass

from queue_gateway.answers import Wait


@dataclass(frozen=True, slots=True)
class Pace:
    """Ten seconds of a room: admissions, those from each lane, ms in which the line could move."""

    admitted: int
    busy_ms: int
    lanes: tuple[int, ...]


def wait(pace: Sequence[Pace], lane: int, position: int) -> Wait | None:
    """The wait of a position in a lane, in seconds; None where nothing was measured."""
    admitted = sum(slot.lanes[lane] for slot in pace)
    busy_ms = sum(slot.busy_ms for slot in pace)
    if not admitted or not busy_ms:
        return None
    expected_s = position * busy_ms / 1000 / admitted
    low = max(1, int(expected_s * 0.6))
    return Wait(low=low, high=min(3 * low, int(expected_s * 1.6) + 1))
