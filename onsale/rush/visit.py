"""What one visit carries with it: who, until when, and how it speaks to the services."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import uuid4

from onsale.rush.client import Answer, Client
from onsale.rush.crowd import Persona
from onsale.rush.record import Kind, Outcome, Receipt, Record
from onsale.rush.sightings import Sighting

# What was begun within the patience may be finished after it: two deadlines and the pauses, so that
# a payment whose answer was lost is asked for again.
LAST_WORDS_S = 25.0

SIGN_UP_WITHIN_S = 120.0  # before the doors open nobody is impatient yet


class Stage(StrEnum):
    """Where visitors are, for the live display."""

    SIGNING_UP = "signing up"
    COMING = "coming"
    WAITING = "waiting"
    INSIDE = "inside"
    HOLDING = "holding"
    GONE = "gone"


class Ended(Exception):
    """The visit is over, in this way."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome


class PlaceLost(Exception):
    """The token is not ACTIVE any more; whoever has patience left joins again."""


@dataclass(slots=True)
class Board:
    """Where the visitors of one client process are, how visits ended, and what was seen of late."""

    stages: Counter[Stage] = field(default_factory=Counter)
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    seats_paid: int = 0
    sightings: list[Sighting] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)


class Visit:
    """One visitor's way through the sale, from its sign-up on."""

    def __init__(self, persona: Persona, client: Client, board: Board, name: str) -> None:
        self.persona = persona
        self.name = name
        self.dice = persona.dice()
        self.identity = ""
        self.board = board
        self._client = client
        self._clock = asyncio.get_running_loop().time
        self._ends_at = self._clock() + SIGN_UP_WITHIN_S
        self._stage: Stage | None = None

    @property
    def record(self) -> Record:
        """The notebook of this client process."""
        return self._client.record

    def now(self) -> float:
        """Seconds on the client's steady clock."""
        return self._clock()

    def patience_s(self) -> float:
        """Seconds of patience left; negative when it is over."""
        return self._ends_at - self._clock()

    def arrive(self) -> None:
        """Stand in front of the sale: from now on the patience counts."""
        self._ends_at = self._clock() + self.persona.patience_s

    def enter(self, stage: Stage) -> None:
        """Move on, on the board."""
        if self._stage:
            self.board.stages[self._stage] -= 1
        self._stage = stage
        self.board.stages[stage] += 1

    def surprise(self, kind: str, what: str) -> None:
        """Note what must not happen."""
        self.record.surprise(self.name, kind, what)

    def saw(self, sighting: Sighting) -> None:
        """Note what an answer said of a token; the oracle will judge it."""
        self.board.sightings.append(sighting)

    async def sleep(self, seconds: float) -> None:
        """Wait, but not beyond the patience."""
        await asyncio.sleep(max(0.0, min(seconds, self.patience_s())))

    async def think(self) -> None:
        """Take the time a person takes before the next click."""
        mean = self.persona.thinking_s
        await self.sleep(min(self.dice.expovariate(1 / mean), 4 * mean) if mean else 0)

    async def ask(
        self,
        kind: Kind,
        method: str,
        url: str,
        *,
        token: str | None = None,
        key: str | None = None,
        body: object = None,
        accept: frozenset[str] = frozenset(),
    ) -> Answer:
        """Send a request as this visitor; see Client.ask for the answers and what is raised."""
        headers: dict[str, str] = {}
        if self.identity:
            headers["Authorization"] = f"Bearer {self.identity}"
        if token:
            headers["Queue-Token"] = token
        if key:
            headers["Idempotency-Key"] = key
        return await self._client.ask(
            kind,
            method,
            url,
            who=self.name,
            dice=self.dice,
            headers=headers,
            body=body,
            accept=accept,
            patience_s=max(self.patience_s(), LAST_WORDS_S),
        )


def new_key() -> str:
    """An Idempotency-Key: one for each thing a visitor wants, kept through its retries."""
    return uuid4().hex
