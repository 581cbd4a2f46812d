"""What a visitor was told about its place, and what contradicts an earlier answer.

Answers of one visitor's tabs overlap. What an answer must agree with is therefore what had been
received before its request was sent: `ask` keeps that, `hear` compares with it.
"""

from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

ORDER = {"WAIT": 0, "ACTIVE": 1, "EXPIRED": 2}  # a token's status never goes back


@dataclass(slots=True)
class Line:
    """What all the visitors of one room know together: the highest number seen ACTIVE.

    Keyed by the room's generation, which begins the numbers anew.
    """

    admitted: dict[int, int] = field(default_factory=dict)


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


@dataclass(frozen=True, slots=True)
class Known:
    """The facts an answer must not fall behind."""

    status: str
    position: int | None
    admitted: int  # the highest number of this generation known to be ACTIVE


# A place just taken: nothing was known about it when the request was sent.
FRESH = Known("WAIT", None, 0)


class Witness:
    """Follows one token through all answers about it."""

    def __init__(self, token: Token, line: Line) -> None:
        self.token = token
        self.status = "WAIT"
        self.position: int | None = None
        self._line = line

    def ask(self) -> Known:
        """Call when a request is sent; hand the result to `hear` with its answer."""
        admitted = self._line.admitted.get(self.token.generation, 0)
        return Known(self.status, self.position, admitted)

    def hear(self, place: Mapping[str, Any], known: Known) -> list[str]:
        """Take in a token object; returns what is wrong with it, in words."""
        status, position, number = place["status"], place.get("position"), place["number"]
        wrong = []
        if status not in ORDER:
            return [f"status {status!r} is none of the design's"]
        if number != self.token.number:
            wrong.append(f"number {number} in the answer, {self.token.number} in the token")
        if ORDER[status] < ORDER[known.status]:
            wrong.append(f"{self.token.jti} went back from {known.status} to {status} (A6)")
        wrong += self._wrong_position(status, position, known)
        if status == "WAIT":
            wrong += self._wrong_wait(place, known)
        elif status == "ACTIVE":
            highest = self._line.admitted.get(self.token.generation, 0)
            self._line.admitted[self.token.generation] = max(highest, self.token.number)
        self._learn(status, position)
        return wrong

    def _wrong_position(self, status: str, position: object, known: Known) -> list[str]:
        if status == "ACTIVE":
            return [] if position == 0 else [f"position {position!r} while ACTIVE"]
        if status == "EXPIRED":
            return [] if position is None else [f"position {position!r} while EXPIRED"]
        if not isinstance(position, int) or position < 1:
            return [f"position {position!r} while WAIT"]
        if known.position is not None and position > known.position:
            return [f"position grew from {known.position} to {position} (O3)"]
        return []

    def _wrong_wait(self, place: Mapping[str, Any], known: Known) -> list[str]:
        wrong = []
        if known.admitted > self.token.number:
            wrong.append(f"{known.admitted} was admitted before {self.token.number} (O2)")
        poll = place.get("poll_after_ms")
        if not isinstance(poll, int) or poll <= 0:
            wrong.append(f"poll_after_ms {poll!r} while WAIT")
        return wrong

    def _learn(self, status: str, position: int | None) -> None:
        if ORDER[status] > ORDER[self.status]:
            self.status = status
        if status == "WAIT" and position is not None:
            self.position = min(position, self.position or position)
