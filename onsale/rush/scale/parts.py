"""What a rush at scale and its client processes say to each other, besides what any rush says.

The rush sends Part, the client Joined and Ready; Measure and Measured, as often as wanted; Begin,
then News until Lived.
"""

import msgspec

from onsale.rush.record import Record
from onsale.rush.scale.plan import Plan
from onsale.rush.scale.tally import Polls


class Part(msgspec.Struct, tag=True, frozen=True):
    """A share of the sample: every `parts`th of it, from number `part` on.

    `all_join`: over HTTP, of the whole crowd every `parts`th; else the crowd is in line already,
    and those of the sample ask for the places they hold.
    """

    gateway_url: str
    booking_url: str
    room_id: str
    concert_id: int
    run_name: str
    identity_secret: str
    plan: Plan
    all_join: bool
    connections: int
    seed: int
    part: int
    parts: int

    def name(self, number: int) -> str:
        """Who comes as the so-manieth, from 1 on."""
        return named(self.run_name, number)


class Joined(msgspec.Struct, tag=True, frozen=True):
    """So many of the share are in line, or were told the place they hold."""

    visitors: int
    seconds: float


class Measure(msgspec.Struct, tag=True, frozen=True):
    """Poll for so long as fast as the answers come."""

    seconds: float


class Measured(msgspec.Struct, tag=True, frozen=True):
    """So many answers came; `refused`: 429, 503, or none at all."""

    answers: int
    refused: int
    seconds: float


class Lived(msgspec.Struct, tag=True, frozen=True):
    """The share's time is over."""

    record: Record
    polls: Polls
    cpu_s: float
    lateness_ms: list[float]


def named(run_name: str, number: int) -> str:
    """The `sub` of a visitor of this run."""
    return f"{run_name}-{number}"
