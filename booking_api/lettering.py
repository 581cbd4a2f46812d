"""Text of any script as outlines, from the fonts beside this file: nothing is fetched or embedded.

HarfBuzz shapes what the fonts can show; what none of them has (emoji) is left out. Directions are
those of one line: runs of left-to-right and right-to-left text, in the order of its first letter
(the Unicode bidirectional algorithm, UAX 9, without embeddings).
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path

import uharfbuzz as hb

FONTS = Path(__file__).parent / "fonts"
#: The first that has a letter shows it.
_NAMES = (
    "NotoSans-Regular",
    "wqy-microhei-cjk",
    *(
        f"NotoSans{script}-Regular"
        for script in (
            *("Arabic", "Armenian", "Bengali", "Devanagari", "Ethiopic", "Georgian", "Gujarati"),
            *("Gurmukhi", "Hebrew", "Kannada", "Khmer", "Lao", "Malayalam", "Myanmar", "Oriya"),
            *("Sinhala", "Tamil", "Telugu", "Thai", "Symbols"),
        )
    ),
)
_STRONG = {"L": "ltr", "EN": "ltr", "AN": "ltr", "R": "rtl", "AL": "rtl"}

#: An operator of an outline and its points: M, L, C (cubic) or Z.
Stroke = tuple[str, tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text for a size of 1: its outlines from its left end on the base line."""

    width: float
    strokes: tuple[Stroke, ...]


@dataclass(frozen=True, slots=True)
class _Letter:
    text: str
    font: str
    direction: str


@cache
def line(text: str) -> Line:
    """A line of text. Its directions and joined letters are right; it is never broken."""
    pen = _Pen()
    for font, direction, run in _runs(_letters(text)):
        _shape(pen, font, direction, run)
    return Line(pen.x, tuple(pen.strokes))


def lines(text: str, width: float, most: int) -> list[Line]:
    """`text` in at most so many lines, of `width` (for a size of 1) but for the last one."""
    found: list[str] = []
    rest = _words(text)
    while rest:
        taken = 1
        while taken < len(rest) and line("".join(rest[: taken + 1]).strip()).width <= width:
            taken += 1
        if len(found) == most - 1:
            taken = len(rest)
        found.append("".join(rest[:taken]).strip())
        rest = rest[taken:]
    return [line(one) for one in found]


def _words(text: str) -> list[str]:
    """Where a line may end: after spaces, and between ideographs."""
    found = [""]
    for letter in text:
        if found[-1] and (found[-1][-1].isspace() or _is_wide(found[-1][-1])):
            found.append("")
        found[-1] += letter
    return found


def _is_wide(letter: str) -> bool:
    return unicodedata.east_asian_width(letter) in {"W", "F"}


def _letters(text: str) -> list[_Letter]:
    """The letters that can be shown, in the order they are read."""
    shown: list[tuple[str, str]] = []
    for letter in unicodedata.normalize("NFC", text):
        before = shown[-1][1] if shown else _NAMES[0]
        follows = unicodedata.category(letter) in {"Mn", "Mc", "Cf", "Zs"}
        names = (before, *_NAMES) if follows else _NAMES
        font = next((name for name in names if _has(name, letter)), None)
        if font is not None:
            shown.append((letter, font))
    directions = _directions([letter for letter, _ in shown])
    return [
        _Letter(letter, font, direction)
        for (letter, font), direction in zip(shown, directions, strict=True)
    ]


def _directions(letters: list[str]) -> list[str]:
    """Each letter's direction; what has none of its own goes with both its neighbours, if they
    agree, else with the line."""
    own = [_STRONG.get(unicodedata.bidirectional(letter)) for letter in letters]
    base = next((found for found in own if found), "ltr")
    directions: list[str] = []
    for place, found in enumerate(own):
        before = directions[-1] if directions else base
        after = next((later for later in own[place:] if later), base)
        directions.append(found or (before if before == after else base))
    return directions


def _runs(letters: list[_Letter]) -> Iterator[tuple[str, str, str]]:
    """Runs of one font and direction, from left to right as they are seen."""
    base = _STRONG.get(
        next(
            (
                unicodedata.bidirectional(one.text[0])
                for one in letters
                if unicodedata.bidirectional(one.text[0]) in _STRONG
            ),
            "L",
        ),
        "ltr",
    )
    runs = [
        (font, direction, "".join(one.text for one in run))
        for (font, direction), run in groupby(letters, key=lambda one: (one.font, one.direction))
    ]
    parts = [(way, list(part)) for way, part in groupby(runs, key=lambda run: run[1])]
    for way, part in parts if base == "ltr" else reversed(parts):
        yield from part if way == "ltr" else reversed(part)


def _shape(pen: "_Pen", name: str, direction: str, run: str) -> None:
    font, scale = _font(name)
    buffer = hb.Buffer()
    buffer.add_str(run)
    buffer.guess_segment_properties()
    buffer.direction = direction
    hb.shape(font, buffer)
    for glyph, place in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
        pen.move_to(pen.x + place.x_offset / scale, place.y_offset / scale, scale)
        font.draw_glyph_with_pen(glyph.codepoint, pen)
        pen.x += place.x_advance / scale


@cache
def _font(name: str) -> tuple["hb.Font", float]:
    """A font, and how many of its units are a size of 1."""
    face = hb.Face(hb.Blob.from_file_path(FONTS / f"{name}.ttf"))
    return hb.Font(face), float(face.upem)


def _has(name: str, letter: str) -> bool:
    return bool(_font(name)[0].get_nominal_glyph(ord(letter)))


class _Pen:
    """Keeps the outlines that HarfBuzz draws, at their places."""

    def __init__(self) -> None:
        self.x = 0.0
        self.strokes: list[Stroke] = []
        self._at = (0.0, 0.0)
        self._shift = (0.0, 0.0, 1.0)

    def move_to(self, x: float, y: float, scale: float) -> None:
        """Where the next glyph stands."""
        self._shift = (x, y, scale)

    def moveTo(self, point: tuple[float, float]) -> None:  # noqa: N802 -- the names of pens
        self._draw("M", point)

    def lineTo(self, point: tuple[float, float]) -> None:  # noqa: N802
        self._draw("L", point)

    def curveTo(self, *points: tuple[float, float]) -> None:  # noqa: N802
        self._draw("C", *points)

    def qCurveTo(self, control: tuple[float, float], end: tuple[float, float]) -> None:  # noqa: N802
        """A quadratic curve as the cubic one that it is."""
        first, second = (
            ((of[0] + 2 * control[0]) / 3, (of[1] + 2 * control[1]) / 3) for of in (self._at, end)
        )
        self._draw("C", first, second, end)

    def closePath(self) -> None:  # noqa: N802
        self.strokes.append(("Z", ()))

    def _draw(self, operator: str, *points: tuple[float, float]) -> None:
        self._at = points[-1]
        x, y, scale = self._shift
        placed = ((x + point[0] / scale, y + point[1] / scale) for point in points)
        self.strokes.append((operator, tuple(value for point in placed for value in point)))
