"""Who comes to a sale: personas drawn from a seed.

A persona depends on the seed and its own index only, so that several client processes can each
draw a slice of one crowd, and a run can be repeated with the same people in it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from random import Random


class Fate(StrEnum):
    """What a visitor has come to do."""

    BUY = "buy"
    LEAVE_THE_LINE = "leave the line"
    VANISH_IN_THE_LINE = "vanish in the line"
    VANISH_INSIDE = "vanish inside"
    LOOK_ONLY = "look only"
    CANCEL_THE_HOLD = "cancel the hold"
    VANISH_WITH_HOLD = "vanish with a hold"


# Each share is large enough that a crowd of 500 holds about twenty of the kind, and small enough
# that most of the crowd still wants to buy: a hall must sell out against all of them together.
SHARES: dict[Fate, float] = {
    Fate.LEAVE_THE_LINE: 0.04,  # frees a place by DELETE
    Fate.VANISH_IN_THE_LINE: 0.04,  # a dead head: admitted unseen, must not block those behind
    Fate.VANISH_INSIDE: 0.03,  # a slot that only time gives back
    Fate.LOOK_ONLY: 0.04,  # a slot given back by DELETE, without a booking
    Fate.CANCEL_THE_HOLD: 0.04,  # a seat given back by its visitor
    # A seat that only the hold's deadline gives back, maybe to the next who vanishes: at this share
    # a chain of four, which would take most of a minute, is one in ten thousand runs.
    Fate.VANISH_WITH_HOLD: 0.04,
}

# Of those who come to buy. Tickets are bought in pairs first of all; four is the usual limit.
GROUPS: dict[int, float] = {1: 0.30, 2: 0.45, 3: 0.10, 4: 0.15}

IMPATIENT = 0.10  # buyers who give up early, so that giving up happens in every run
RELOADING = 0.15  # pressing F5 is what a waiting page invites
SECOND_TAB = 0.10  # "maybe the other tab is faster"

# A crowd is there when the doors open: most within a second or two, a tail of latecomers. A crowd
# above AT_THE_DOORS comes in proportionally more time: on one small machine more joins in a second
# would measure deadlines of the clients, not the line.
AT_THE_DOORS = 1500
ARRIVAL_MEAN_S = 1.5
ARRIVAL_LAST_S = 6.0
ARRIVAL_LAST_SHARE = 0.1  # of the patience, so that a short run is still a flash crowd

# People stop to think, but a run of a minute has no room for real minutes.
THINKING_MEAN_S = 0.8
THINKING_SHARE = 0.02  # of the patience


@dataclass(frozen=True, slots=True)
class Persona:
    """One visitor's character. Times in seconds."""

    index: int
    seed: int
    fate: Fate
    group: int  # seats wanted
    patience_s: float  # counted from the arrival
    steady: bool  # has the whole patience
    arrives_after_s: float
    reloads: int  # how often the waiting page is loaded again
    second_tab: bool
    pull: float  # of the front: rows from it are exponential with mean 1 / pull
    thinking_s: float  # mean pause before each decision

    @property
    def buys(self) -> bool:
        """Whether this visitor, left alone, ends with tickets or with none left to buy."""
        return self.fate is Fate.BUY and self.steady

    def dice(self) -> Random:
        """The generator for what this visitor decides on the way."""
        return _dice(self.seed, self.index, "way")


def draw_crowd(visitors: int, *, patience_s: float, seed: int) -> list[Persona]:
    """All the seed's crowd of this many."""
    return list(draw(range(visitors), visitors=visitors, patience_s=patience_s, seed=seed))


def draw(
    indexes: Iterable[int], *, visitors: int, patience_s: float, seed: int
) -> Iterator[Persona]:
    """The personas with these indexes of a crowd of `visitors`, the same in whatever share."""
    for index in indexes:
        yield _draw_one(index, max(1.0, visitors / AT_THE_DOORS), patience_s, seed)


def seats_wanted(crowd: Iterable[Persona]) -> int:
    """How many seats those ask for who will not go before they have them."""
    return sum(persona.group for persona in crowd if persona.buys)


def _draw_one(index: int, spread: float, patience_s: float, seed: int) -> Persona:
    # Every trait is drawn for everybody, in one order: a trait added at the end, or a share
    # changed, leaves the others' draws as they were.
    dice = _dice(seed, index, "persona")
    fate = _fate(dice.random())
    group = dice.choices(list(GROUPS), weights=list(GROUPS.values()))[0]
    impatient, shortened = dice.random() < IMPATIENT, dice.uniform(0.2, 0.6)
    arrival = dice.expovariate(1 / ARRIVAL_MEAN_S)
    reloads = dice.randint(1, 3) if dice.random() < RELOADING else 0
    steady = not impatient
    return Persona(
        index=index,
        seed=seed,
        fate=fate,
        group=group,
        patience_s=patience_s if steady else patience_s * shortened,
        steady=steady,
        arrives_after_s=min(
            arrival * spread, ARRIVAL_LAST_S * spread, patience_s * ARRIVAL_LAST_SHARE
        ),
        reloads=reloads,
        second_tab=dice.random() < SECOND_TAB,
        pull=dice.uniform(0.3, 1.2),
        thinking_s=min(THINKING_MEAN_S, patience_s * THINKING_SHARE),
    )


def _fate(point: float) -> Fate:
    for fate, share in SHARES.items():
        point -= share
        if point < 0:
            return fate
    return Fate.BUY


def _dice(seed: int, index: int, purpose: str) -> Random:
    return Random(f"{seed}/{index}/{purpose}")  # noqa: S311 -- behaviour, not a secret
