"""One visitor's place in a room, in plain Python."""

from dataclasses import dataclass


def ended_id(token: tuple[int, int | None]) -> str:
    """How the store names a token that ended, or all tokens of a generation."""
    generation, number = token
    return str(generation) if number is None else f"{generation}.{number}"


@dataclass
class Place:
    """One live place; ACTIVE once it has an end. All times in ms of the store's clock.

    `slot`: of the line in which it waits. `by_hand`: it was let in whatever the rate.
    """

    visitor: str
    number: int
    slot: int
    seen_ms: int = 0
    promised_ms: int = 0
    expires_ms: int | None = None
    claim_ms: int | None = None
    by_hand: bool = False
