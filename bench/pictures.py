"""Pictures of what was found, as SVG: bars for ratios against what is promised, curves for growth.

The same figures always make the same bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reportlab.graphics import renderSVG
from reportlab.graphics.shapes import Circle, Drawing, Line, PolyLine, Rect, String
from reportlab.lib.colors import HexColor, white

WIDTH = 760
_ROW, _HEAD, _FOOT, _EDGE = 26, 34, 28, 14
_LABELS, _VALUES = 310, 110
_FONT, _SIZE = "Helvetica", 12

_INK, _PALE = HexColor("#24292f"), HexColor("#d0d7de")
_KEPT, _MISSED, _BOUND = HexColor("#2f6f4f"), HexColor("#b3402a"), HexColor("#24292f")
_CURVES = tuple(HexColor(name) for name in ("#2f6f4f", "#4466a8", "#a8702f", "#7a4488"))


@dataclass(frozen=True, slots=True)
class Bar:
    """A ratio, and the bound it is promised to keep."""

    label: str
    ratio: float
    bound: float
    kept: bool


@dataclass(frozen=True, slots=True)
class Curve:
    """How often the first size's cost each size costs."""

    label: str
    points: Mapping[str, float]
    bound: float | None = None


def bars(title: str, rows: Sequence[Bar], sign: str) -> str:
    """A bar for each ratio, as a share of its bound, which is the line they all are to reach
    (`sign` '≥') or to stay within ('≤')."""
    height = _HEAD + _ROW * len(rows) + _FOOT
    drawing = _blank(title, height)
    room = WIDTH - _LABELS - _VALUES - _EDGE
    most = max(1.25, *(row.ratio / row.bound for row in rows))
    bottom, top = _FOOT, _FOOT + _ROW * len(rows)
    for number, row in enumerate(rows):
        y = top - _ROW * (number + 1)
        length = room * row.ratio / row.bound / most
        colour = _KEPT if row.kept else _MISSED
        _text(drawing, _EDGE, y + 8, row.label)
        drawing.add(Rect(_LABELS, y + 4, length, _ROW - 8, fillColor=colour, strokeColor=None))
        said = f"{row.ratio:.2f}  ({sign} {row.bound:g})"
        _text(drawing, WIDTH - _VALUES, y + 8, said)
    line = _LABELS + room / most
    drawing.add(Line(line, bottom - 4, line, top + 2, strokeColor=_BOUND, strokeDashArray=(3, 3)))
    _text(drawing, line, bottom - 18, "promised", anchor="middle")
    return _svg(drawing)


def curves(title: str, rows: Sequence[Curve]) -> str:
    """A curve for each row over the sizes, each a multiple of its first."""
    sizes = list(dict.fromkeys(size for row in rows for size in row.points))
    high, legend = 220, 20 * len(rows)
    drawing = _blank(title, _HEAD + high + _FOOT + legend)
    bottom, left, right = _FOOT + legend, 60, WIDTH - 60
    bounds = [row.bound for row in rows if row.bound is not None]
    most = 1.1 * max(1.3, *bounds, *(value for row in rows for value in row.points.values()))

    def spot(size: str, value: float) -> tuple[float, float]:
        share = sizes.index(size) / max(1, len(sizes) - 1)
        return left + share * (right - left), bottom + high * value / most

    for level in (0, 1, *sorted(set(bounds))):
        _, y = spot(sizes[0], level)
        dashes = (3, 3) if level in bounds else None
        drawing.add(Line(left, y, right, y, strokeColor=_PALE, strokeDashArray=dashes))
        _text(drawing, _EDGE, y - 4, f"{level:g}")
    for size in sizes:
        _text(drawing, spot(size, 0)[0], bottom - 16, size, anchor="middle")
    for number, row in enumerate(rows):
        colour = _CURVES[number % len(_CURVES)]
        spots = [spot(size, value) for size, value in row.points.items()]
        flat = [part for point in spots for part in point]
        drawing.add(PolyLine(flat, strokeColor=colour, strokeWidth=2))
        for x, y in spots:
            drawing.add(Circle(x, y, 3, fillColor=colour, strokeColor=None))
        y = legend - 20 * number - 12
        drawing.add(Line(left, y + 4, left + 24, y + 4, strokeColor=colour, strokeWidth=2))
        bound = "" if row.bound is None else f", promised ≤ {row.bound:g}"
        last = list(row.points.values())[-1]
        _text(drawing, left + 32, y, f"{row.label}: {last:.2f}{bound}")
    return _svg(drawing)


def _blank(title: str, height: float) -> Drawing:
    """White below everything: pages are read on dark backgrounds, too."""
    drawing = Drawing(WIDTH, height)
    drawing.add(Rect(0, 0, WIDTH, height, fillColor=white, strokeColor=None))
    _text(drawing, _EDGE, height - 22, title, size=14)
    return drawing


def _text(
    drawing: Drawing, x: float, y: float, text: str, *, anchor: str = "start", size: int = _SIZE
) -> None:
    said = String(x, y, text, fontName=_FONT, fontSize=size, fillColor=_INK, textAnchor=anchor)
    drawing.add(said)


def _svg(drawing: Drawing) -> str:
    drawn = str(renderSVG.drawToString(drawing)).rstrip() + "\n"
    return drawn.replace(f"font-family: {_FONT};", f"font-family: {_FONT}, Arial, sans-serif;")
