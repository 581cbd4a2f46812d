"""Where seats are: said by the operator, or read from their numbers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

#: 'BALCONY-A-12', 'A-12'; and without the last dash, 'A12'. The migration that added the columns
#: reads the same.
_NUMBERS = (
    re.compile(r"(?:(.+)-)?([^-]+)-([0-9]{1,6})", re.DOTALL),
    re.compile(r"(?:(.+)-)?([^-]*[^-0-9])([0-9]{1,6})", re.DOTALL),
)


class Spot(NamedTuple):
    """Where one seat is. `section`: '' for the main one; without a row there is no place."""

    section: str
    row: str | None
    place: int | None


@dataclass(frozen=True, slots=True)
class Where:
    """Where seats are, and the bands of their prices, in the order of the seats.

    What is None is read from the seats' numbers; a band that is None is told by the price.
    """

    sections: Sequence[str | None] | None = None
    rows: Sequence[str | None] | None = None
    places: Sequence[int | None] | None = None
    bands: Sequence[str | None] | None = None

    def completed(self, seat_numbers: Sequence[str]) -> "Where":
        """The same, with all that their numbers say. Takes some 2 µs for each seat."""
        none = [None] * len(seat_numbers)
        read = [spot(number) for number in seat_numbers]
        said = zip(self.sections or none, self.rows or none, self.places or none, strict=True)
        spots = [
            Spot(
                known.section if section is None else section,
                known.row if row is None else row,
                known.place if place is None else place,
            )
            for known, (section, row, place) in zip(read, said, strict=True)
        ]
        sections, rows, places = zip(*spots, strict=True) if spots else ((), (), ())
        return Where(sections, rows, places, [band or "" for band in self.bands or none])


def spot(seat_number: str) -> Spot:
    """What a seat's number says of where it is."""
    for pattern in _NUMBERS:
        found = pattern.fullmatch(seat_number)
        if found is not None:
            return Spot(found[1] or "", found[2], int(found[3]))
    return Spot("", None, None)
