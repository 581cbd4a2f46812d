"""Drawn tickets: the symbol holds the code, the page holds the names, whatever their script."""

# ruff: noqa: RUF001 -- letters of many scripts

import zlib
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest
import segno

from booking_api.lettering import line, lines
from booking_api.ticket_images import BORDER, PIXELS, page_pdf, symbol_png, symbol_svg
from booking_api.tickets import Shown

CODE = "OT1.Lusdlne6.12345.7.6rCALTEy." + "A" * 86


def shown(concert_name: str = "Nina Simone", seat_number: str = "A-12", section: str = "") -> Shown:
    when = datetime(2031, 1, 1, 20, tzinfo=UTC)
    return Shown(CODE, 12345, 7, concert_name, when, seat_number, section, None)


def modules() -> list[list[bool]]:
    """The symbol as it must be, from a second making of it."""
    return [[bool(dark) for dark in row] for row in segno.make_qr(CODE, error="m").matrix]


def test_the_picture_shows_the_symbol_of_the_code() -> None:
    raw = symbol_png(shown())

    assert raw.startswith(b"\x89PNG\r\n")
    width, height = (int.from_bytes(raw[place : place + 4], "big") for place in (16, 20))
    assert width == height == (len(modules()) + 2 * BORDER) * PIXELS
    rows = zlib.decompress(raw[raw.index(b"IDAT") + 4 : raw.index(b"IEND") - 8])
    line_bytes = 1 + (width + 7) // 8
    found = []
    for y in range(len(modules())):
        row = rows[(y + BORDER) * PIXELS * line_bytes :][1:line_bytes]
        bits = "".join(f"{byte:08b}" for byte in row)
        found.append([bits[(x + BORDER) * PIXELS] == "0" for x in range(len(modules()))])
    assert found == modules()


def test_the_drawing_is_svg_without_a_size_of_its_own() -> None:
    root = ET.fromstring(symbol_svg(shown()))  # noqa: S314 -- ours

    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "width" not in root.attrib
    assert "viewBox" in root.attrib


@pytest.mark.parametrize(
    "name",
    [
        "Nina Simone",
        "Žofie’s Größe — Ελλά Катюша",
        "아이유 콘서트 周杰倫 きゃりーぱみゅぱみゅ",
        "أم كلثوم: رباعيات live 2031",
        "עברית 12 abc",
        "हिन्दी தமிழ் คอนเสิร์ต ქართული አማርኛ",
        "🎸",
        "\u0301x\u200d\ufeff",
        "W" * 100,
        " ",
    ],
)
def test_a_page_is_printed_for_names_of_any_script(name: str) -> None:
    page = page_pdf(shown(name, name[:32], name[:32]))

    assert page.startswith(b"%PDF-")
    assert page.rstrip().endswith(b"%%EOF")
    assert page == page_pdf(shown(name, name[:32], name[:32]))


@pytest.mark.parametrize("letter", [*"AŽΩЖ", *"아周き", *"مעहதคกქአ", "…", "’", "—"])
def test_every_letter_has_an_outline_of_its_own(letter: str) -> None:
    assert line(letter).strokes
    assert line(letter).strokes != line("\U0010ffff").strokes
    assert line(letter).width > 0


def test_what_no_font_has_leaves_nothing_behind() -> None:
    assert line("a🎸b") == line("ab")


def test_arabic_letters_are_joined_and_run_from_right_to_left() -> None:
    joined, apart = line("مم"), [line("م"), line("م")]
    assert joined.strokes != apart[0].strokes + apart[1].strokes
    first_stroke = line("اب").strokes[0][1]
    assert first_stroke != line("ا").strokes[0][1], "the first letter is not the leftmost"


def test_a_number_keeps_its_direction_in_a_line_from_right_to_left() -> None:
    assert line("א 12").strokes[: len(line("12").strokes)] == line("12").strokes


def test_long_names_are_broken_at_spaces_and_between_ideographs() -> None:
    width = line("one two").width
    assert lines("one two three", width, 3) == [line("one two"), line("three")]
    assert lines("one two three", width, 1) == [line("one two three")]
    assert lines("周杰倫", line("周杰").width, 3) == [line("周杰"), line("倫")]
    assert lines("", width, 3) == [line("")]
