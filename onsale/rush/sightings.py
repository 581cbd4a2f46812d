"""What a client saw of a place: one answer about one token, and when it was asked for.

Times are seconds of the machine's steady clock, which all processes share. What an answer says was
true at some moment between `sent` and `received`, and nothing more is known of that moment.
"""

from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import orjson

from onsale.rush.client import Answer

WAIT, ACTIVE, EXPIRED = "WAIT", "ACTIVE", "EXPIRED"
STATUSES = (WAIT, ACTIVE, EXPIRED)
NO_LONGER_ACTIVE = "queue_token_expired"


@dataclass(frozen=True, slots=True)
class Token:
    """The claims of a queue token that a client may read; it cannot check the signature."""

    raw: str
    jti: str
    number: int
    generation: int

    @classmethod
    def read(cls, raw: str) -> "Token":
        """Raises ValueError, KeyError or TypeError when this is no queue token."""
        payload = raw.split(".")[1]
        claims = orjson.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return cls(raw, str(claims["jti"]), int(claims["num"]), int(claims["gen"]))


class Sighting(msgspec.Struct, array_like=True, frozen=True):
    """One answer about one token. `visitor`: the persona's index.

    `sent`: when the first attempt was, `received`: when the answer was there. `position`: of a
    WAIT. `reason`: of an EXPIRED. `joined`: by POST; `made`: the POST said 201.
    """

    sent: float
    received: float
    visitor: int
    generation: int
    number: int
    status: str
    position: int | None = None
    reason: str | None = None
    joined: bool = False
    made: bool = False

    @classmethod
    def of(cls, visitor: int, token: Token, answer: Answer, *, joined: bool = False) -> "Sighting":
        """What a token object says."""
        place = answer.body
        return cls(
            answer.sent,
            answer.received,
            visitor,
            token.generation,
            token.number,
            place["status"],
            place["position"] if place["status"] == WAIT else None,
            place.get("reason"),
            joined,
            joined and answer.status == 201,
        )

    @classmethod
    def at_the_gate(cls, visitor: int, token: Token, answer: Answer) -> "Sighting":
        """What an answer from behind the booking API's gate `active` says: let through, or not."""
        status = EXPIRED if answer.code == NO_LONGER_ACTIVE else ACTIVE
        return cls(answer.sent, answer.received, visitor, token.generation, token.number, status)


def malformed(place: Mapping[str, Any], token: Token) -> list[str]:
    """What is wrong with a token object on its own, in words."""
    status, position = place["status"], place.get("position")
    if status not in STATUSES:
        return [f"status {status!r} is none of the design's"]
    wrong = []
    if place["number"] != token.number:
        wrong.append(f"number {place['number']} in the answer, {token.number} in the token")
    if status == ACTIVE and position != 0:
        wrong.append(f"position {position!r} while ACTIVE")
    if status == EXPIRED and position is not None:
        wrong.append(f"position {position!r} while EXPIRED")
    if status == WAIT:
        if not isinstance(position, int) or position < 1:
            wrong.append(f"position {position!r} while WAIT")
        poll = place.get("poll_after_ms")
        if not isinstance(poll, int) or poll <= 0:
            wrong.append(f"poll_after_ms {poll!r} while WAIT")
    return wrong
