"""Drawing tickets: the QR symbol of a code (ISO/IEC 18004) and a page to print."""

import io

import segno
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from booking_api.lettering import Line, line, lines
from booking_api.tickets import Shown

#: Modules of quiet around the symbol, as the standard asks for, and pixels of one in the PNG.
BORDER, PIXELS = 4, 8
#: A ticket may be creased or wet: 15 % of the symbol can be unreadable.
CORRECTION = "m"

_MARGIN, _SYMBOL = 20 * mm, 70 * mm
_TITLE, _TEXT, _SMALL = 26, 14, 7
_MOST_LINES = 4
#: Modules side by side leave no hairline between them.
_OVERLAP = 1.02


def symbol_svg(ticket: Shown) -> bytes:
    """The symbol as SVG, of any size."""
    written = io.BytesIO()
    _symbol(ticket.code).save(
        written, kind="svg", border=BORDER, scale=PIXELS, light="white", omitsize=True
    )
    return written.getvalue()


def symbol_png(ticket: Shown) -> bytes:
    """The symbol as PNG."""
    written = io.BytesIO()
    _symbol(ticket.code).save(written, kind="png", border=BORDER, scale=PIXELS)
    return written.getvalue()


def page_pdf(ticket: Shown) -> bytes:
    """A page with what the ticket is for, its symbol, and its code for who types it in."""
    written = io.BytesIO()
    canvas = Canvas(written, pagesize=A4, invariant=1)
    canvas.setTitle(f"{ticket.concert_name}, {ticket.seat_number}")
    canvas.setSubject(f"Ticket {ticket.concert_booking_id}")
    width, height = A4
    top = height - _MARGIN
    for one in lines(ticket.concert_name, (width - 2 * _MARGIN) / _TITLE, _MOST_LINES):
        top -= _TITLE * 1.3
        _write(canvas, one, top, _TITLE)
    top -= _SMALL
    for said in _facts(ticket):
        top -= _TEXT * 1.7
        _write(canvas, line(said), top, _TEXT)
    top -= _SYMBOL + 8 * mm
    _draw_symbol(canvas, ticket.code, top)
    _write(canvas, line(ticket.code), top - 5 * mm, _SMALL)
    canvas.showPage()
    canvas.save()
    return written.getvalue()


def _facts(ticket: Shown) -> list[str]:
    seat = f"Seat {ticket.seat_number}"
    return [
        f"{ticket.schedule_date:%Y-%m-%d %H:%M} UTC",
        f"{seat} · {ticket.section}" if ticket.section else seat,
        f"Booking {ticket.concert_booking_id} · admits one person, once",
    ]


def _symbol(code: str) -> segno.QRCode:
    return segno.make_qr(code, error=CORRECTION)


def _write(canvas: Canvas, text: Line, base: float, size: float) -> None:
    """A line from the left margin on; one that is too long becomes smaller."""
    room = A4[0] - 2 * _MARGIN
    size = min(size, room / text.width) if text.width else size
    path = canvas.beginPath()
    for operator, values in text.strokes:
        points = [
            _MARGIN + size * value if place % 2 == 0 else base + size * value
            for place, value in enumerate(values)
        ]
        match operator:
            case "M":
                path.moveTo(*points)
            case "L":
                path.lineTo(*points)
            case "C":
                path.curveTo(*points)
            case _:
                path.close()
    canvas.drawPath(path, stroke=0, fill=1, fillMode=1)


def _draw_symbol(canvas: Canvas, code: str, bottom: float) -> None:
    rows = [list(row) for row in _symbol(code).matrix]
    module = _SYMBOL / len(rows)
    path = canvas.beginPath()
    for y, row in enumerate(rows):
        for x, dark in enumerate(row):
            if dark:
                place = (_MARGIN + x * module, bottom + _SYMBOL - (y + 1) * module)
                path.rect(*place, module * _OVERLAP, module * _OVERLAP)
    canvas.drawPath(path, stroke=0, fill=1)
