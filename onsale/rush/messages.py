"""What a rush and its client processes say to each other, over a socket between them.

The rush sends Task, the client Ready, the rush Begin; then News until Done. A message is its
length in four bytes and msgpack.
"""

import asyncio
from collections import Counter
from typing import Any, get_origin

import msgspec

from onsale.rush.record import Outcome, Receipt, Record
from onsale.rush.scale.parts import Joined, Lived, Measure, Measured, Part
from onsale.rush.sightings import Sighting
from onsale.rush.visit import Stage


class Task(msgspec.Struct, tag=True, frozen=True):
    """A share of a crowd: every `parts`th visitor, from number `part` on."""

    gateway_url: str
    booking_url: str
    room_id: str
    concert_id: int
    run_name: str
    visitors: int
    part: int
    parts: int
    patience_s: float
    seed: int


class Ready(msgspec.Struct, tag=True, frozen=True):
    """All of the share have an account and money, and stand outside."""


class Begin(msgspec.Struct, tag=True, frozen=True):
    """The doors open at this moment of the machine's steady clock."""

    at: float


class News(msgspec.Struct, tag=True, frozen=True):
    """Where the share stands, and what it saw since the last news."""

    stages: dict[Stage, int]
    outcomes: dict[Outcome, int]
    seats_paid: int
    requests: int
    surprises: int
    first_surprise: str
    sightings: list[Sighting]
    receipts: list[Receipt]


class Done(msgspec.Struct, tag=True, frozen=True):
    """The share's visits are over."""

    record: Record
    cpu_s: float  # of this process, from the doors' opening on
    lateness_ms: list[float]  # by how much its event loop was behind, a few times a second


Message = Task | Ready | Begin | News | Done | Part | Joined | Measure | Measured | Lived

_LENGTH_BYTES = 4


def send(writer: asyncio.StreamWriter, message: Message) -> None:
    """Put a message on its way, without waiting."""
    packed = msgspec.msgpack.encode(message)
    writer.write(len(packed).to_bytes(_LENGTH_BYTES, "big") + packed)


async def receive(reader: asyncio.StreamReader) -> Message | None:
    """The next message; None when the other side is gone."""
    try:
        length = int.from_bytes(await reader.readexactly(_LENGTH_BYTES), "big")
        packed = await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    message: Message = _decoder.decode(packed)
    return message


def _counter(kind: Any, value: Any) -> Any:
    """Record's counters: msgspec reads plain dictionaries only."""
    if get_origin(kind) is Counter:
        return Counter(value)
    raise NotImplementedError(kind)


_decoder = msgspec.msgpack.Decoder(Message, dec_hook=_counter)
