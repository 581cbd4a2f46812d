"""A hall as one body, JSON or CSV: all its seats, or the first thing that is wrong, and where."""

import asyncio
import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec
from aiohttp import web

from booking_api.bodies import Seat, SeatsRequest
from booking_api.money import Currency
from booking_api.where import Where
from shared.errors import BadRequest, UnsupportedMediaType, ValidationFailed
from shared.paging import number
from shared.web import JSON_TYPE, convert, json_of, read_raw

#: As many seats, with all that may be said of them.
MOST_SEATS = 100_000
MOST_BYTES = 16 * 1024 * 1024
#: It may come over a line of a few megabits per second.
DEADLINE_S = 60.0
#: What is larger is parsed beside the loop.
AT_ONCE_BYTES = 64 * 1024

CSV_TYPE = "text/csv"
COLUMNS = ("seat_number", "price", "section", "row", "place", "band")
REQUIRED = COLUMNS[:2]


@dataclass(frozen=True, slots=True)
class HallSeats:
    """Seats to be, in the order of their loading, which is that of their quality."""

    numbers: list[str]
    prices: list[Decimal]
    where: Where


async def read_hall(request: web.Request, currency: Currency) -> HallSeats:
    """The seats of a body. Raises UnsupportedMediaType, TooLarge, BadRequest, ValidationFailed."""
    parse = {JSON_TYPE: of_json, CSV_TYPE: of_csv}.get(request.content_type)
    if parse is None:
        raise UnsupportedMediaType("Send application/json or text/csv.")
    raw = await read_raw(request.clone(client_max_size=MOST_BYTES), DEADLINE_S)
    if len(raw) <= AT_ONCE_BYTES:
        return parse(raw, currency)
    return await asyncio.to_thread(parse, raw, currency)


def of_json(raw: bytes, currency: Currency) -> HallSeats:
    """The seats of a SeatsRequest. Raises BadRequest, ValidationFailed."""
    seats = convert(json_of(raw), SeatsRequest).seats
    return _hall(seats, [f"`$.seats[{index}]`" for index in range(len(seats))], currency)


def of_csv(raw: bytes, currency: Currency) -> HallSeats:
    """The seats of a table whose first line names its columns. Raises BadRequest, ValidationFailed.

    An empty field says nothing, as if it were not there. Excel's semicolons will do, too.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadRequest("The table is not UTF-8.") from None
    seats, lines = [], []
    for line, fields in _table(text):
        seats.append(_seat(line, fields))
        lines.append(f"line {line}")
    if not seats:
        raise ValidationFailed("There is no seat in the table.")
    return _hall(seats, lines, currency)


def _table(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    first = text.partition("\n")[0]
    delimiter = ";" if ";" in first and "," not in first else ","
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        columns = [name.strip() for name in next(rows, [])]
        _check_columns(columns)
        for row in rows:
            if not row:
                continue  # an empty line
            if len(row) != len(columns):
                raise ValidationFailed(
                    f"{len(row)} fields instead of {len(columns)} - at line {rows.line_num}"
                )
            yield (
                rows.line_num,
                {name: field for name, field in zip(columns, row, strict=True) if field},
            )
    except csv.Error as error:
        raise BadRequest(f"The table cannot be read: {error} - at line {rows.line_num}") from None


def _check_columns(columns: Sequence[str]) -> None:
    for name in columns:
        if name not in COLUMNS or columns.count(name) > 1:
            raise ValidationFailed(
                f"The columns are {', '.join(COLUMNS)}, each at most once - at line 1"
            )
    for name in REQUIRED:
        if name not in columns:
            raise ValidationFailed(f"There is no column {name} - at line 1")


def _seat(line: int, fields: dict[str, Any]) -> Seat:
    if "place" in fields:
        fields["place"] = number(fields["place"])
        if fields["place"] is None:
            raise ValidationFailed(f"place is a whole number - at line {line}")
    try:
        return msgspec.convert(fields, Seat)
    except msgspec.ValidationError as error:
        what, _, field = str(error).partition(" - at `$.")
        at = f"line {line}, `{field}" if field else f"line {line}"
        raise ValidationFailed(f"{what} - at {at}") from None


def _hall(seats: list[Seat], lines: list[str], currency: Currency) -> HallSeats:
    """Raises ValidationFailed for too many, a seat named twice, half a place, and a price."""
    if len(seats) > MOST_SEATS:
        raise ValidationFailed(f"At most {MOST_SEATS} seats at once.")
    known: dict[str, str] = {}
    prices: dict[str, Decimal] = {}
    for seat, line in zip(seats, lines, strict=True):
        first = known.setdefault(seat.seat_number, line)
        if first is not line:
            raise ValidationFailed(f"Each only once; this one is at {first}, too - at {line}")
        if (seat.row is None) != (seat.place is None):
            raise ValidationFailed(f"row and place go together - at {line}")
        if seat.price not in prices:
            prices[seat.price] = _price(seat.price, line, currency)
    where = Where(
        [seat.section for seat in seats],
        [seat.row for seat in seats],
        [seat.place for seat in seats],
        [seat.band for seat in seats],
    )
    return HallSeats(
        [seat.seat_number for seat in seats], [prices[seat.price] for seat in seats], where
    )


def _price(text: str, line: str, currency: Currency) -> Decimal:
    try:
        return currency.amount(text, least=0)
    except ValidationFailed as error:
        raise ValidationFailed(f"{error.detail} - at {line}") from None
