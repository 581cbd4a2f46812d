"""Rendering a hall: whole maps and changes, in full and compact. The same bytes for everybody."""

from collections.abc import Callable, Iterable
from functools import cache
from hashlib import blake2b
from typing import Any

import msgspec
import orjson

from booking_api.hall import CHUNK, Hall, Seat
from booking_api.map_answers import (
    CompactChanges,
    CompactRow,
    CompactSection,
    PriceBand,
)
from booking_api.money import Currency
from booking_api.seat_rows import AVAILABLE, RESERVED, SOLD, Row

_STATUS = {
    AVAILABLE: b'"status":"AVAILABLE"}',
    RESERVED: b'"status":"RESERVED"}',
    SOLD: b'"status":"SOLD"}',
}
#: Answers that are kept of one moment of a hall.
RENDERED_KEPT = 1000
_LAYOUT_BYTES = 12


class Views:
    """Renders halls in a currency."""

    def __init__(self, currency: Currency):
        self._currency = currency
        self._price_text = cache(currency.text)

    def prepare(self, hall: Hall) -> None:
        """Do now what takes long for a large hall."""
        for seat in hall.seats.values():
            seat.shown = self._shown(seat)
        frame = self._frame(hall)
        hall.layout = blake2b(frame, digest_size=_LAYOUT_BYTES).hexdigest()
        hall.frames["compact"] = _split(b'"layout":"%b",' % hall.layout.encode() + frame[1:])
        self.whole(hall)

    def whole(self, hall: Hall) -> bytes:
        """A SeatMap of all seats."""
        return _once(hall, "whole", lambda: self._map(hall, b",".join(self._chunks(hall))))

    def changes(self, hall: Hall, since: int) -> bytes:
        """A SeatMap of what changed since a version."""
        return _once(hall, ("changes", since), lambda: self._map(hall, _seats(hall.since(since))))

    def compact(self, hall: Hall) -> bytes:
        """CompactSeats."""
        return _once(hall, "compact", lambda: self._compact(hall))

    def compact_changes(self, hall: Hall, since: int) -> bytes:
        """CompactChanges since a version."""
        return _once(hall, ("compact", since), lambda: compact_changes(hall, hall.since(since)))

    def news(self, hall: Hall, since: int) -> bytes:
        """CompactChanges of the seats that changed after a reading."""
        return _once(hall, ("news", since), lambda: compact_changes(hall, hall.after(since) or []))

    def _map(self, hall: Hall, seats: bytes) -> bytes:
        return b'%b,"seats":[%b]}' % (self._head(hall), seats)

    def _head(self, hall: Hall) -> bytes:
        head = {
            "concert_schedule_id": hall.schedule_id,
            "version": hall.version,
            "currency": self._currency.code,
        }
        return orjson.dumps(head)[:-1]

    def _chunks(self, hall: Hall) -> list[bytes]:
        """All seats; only those that changed are rendered again."""
        stale = [number for number, known in enumerate(hall.chunks) if known is None]
        seats = list(hall.seats.values()) if stale else []
        for number in stale:
            hall.chunks[number] = _seats(seats[number * CHUNK : (number + 1) * CHUNK])
        return [known for known in hall.chunks if known is not None]

    def _shown(self, seat: Seat) -> bytes:
        """All but its status."""
        shown = {
            "concert_seat_id": seat.id,
            "seat_number": seat.number,
            "price": self._price_text(seat.price),
        }
        return orjson.dumps(shown)[:-1] + b","

    def _compact(self, hall: Hall) -> bytes:
        first, *others = hall.frames["compact"]
        parts = [self._head(hall), b",", first]
        for rows, after in zip(compact_rows(hall), others, strict=True):
            parts += [b"".join([row.statuses for row in rows]), after]
        return b"".join(parts)

    def _frame(self, hall: Hall) -> bytes:
        """All that a compact map says of the layout, with a mark for the statuses of each row."""
        bands = {(seat.band, seat.price): None for seat in hall.seats.values()}
        indexes = {band: index for index, band in enumerate(bands)}
        sections: dict[str, CompactSection] = {}
        for rows in compact_rows(hall):
            name = rows[0].section
            section = sections.setdefault(name, CompactSection(name, []))
            section.rows.append(_compact_row(hall, rows, indexes))
        shown = {
            "bands": [PriceBand(name, self._price_text(price)) for name, price in bands],
            "sections": list(sections.values()),
        }
        return msgspec.json.encode(shown)


#: Where the statuses of a row go. No name has such a character in it.
_MARK = "\0"
_MARKED = b'"statuses":"\\u0000"'


def _seats(seats: Iterable[Seat]) -> bytes:
    return b",".join([seat.shown + _STATUS[seat.status] for seat in seats])


def _split(text: bytes) -> list[bytes]:
    begin, end = b'"statuses":"', b'"'
    first, *others = text.split(_MARKED)
    if not others:
        return [first]
    return [first + begin, *(end + each + begin for each in others[:-1]), end + others[-1]]


def compact_rows(hall: Hall) -> list[list[Row]]:
    """Rows as compact maps show them, by sections: seats without a row are one."""
    if "rows" not in hall.frames:
        found: dict[str, dict[Any, list[Row]]] = {}
        for row in hall.rows:
            key = "without" if row.name is None else row
            found.setdefault(row.section, {}).setdefault(key, []).append(row)
        hall.frames["rows"] = [rows for section in found.values() for rows in section.values()]
    rows: list[list[Row]] = hall.frames["rows"]
    return rows


def _compact_row(hall: Hall, rows: list[Row], bands: dict[Any, int]) -> CompactRow:
    seats = [hall.seats[seat_id] for row in rows for seat_id in row.ids]
    found = CompactRow(
        row=rows[0].name,
        ids=runs([seat.id for seat in seats]),
        bands=repeats([bands[seat.band, seat.price] for seat in seats]),
        statuses=_MARK,
    )
    if rows[0].name is not None:
        found.places = runs(rows[0].places)
    prefix = seats[0].number.removesuffix(str(seats[0].place))
    if all(seat.number == f"{prefix}{seat.place}" for seat in seats):
        found.prefix = prefix
    else:
        found.numbers = [seat.number for seat in seats]
    return found


def compact_changes(hall: Hall, seats: Iterable[Seat]) -> bytes:
    """CompactChanges of these seats."""
    by_status: dict[int, list[int]] = {AVAILABLE: [], RESERVED: [], SOLD: []}
    for seat in seats:
        by_status[seat.status].append(seat.id)
    return msgspec.json.encode(
        CompactChanges(hall.schedule_id, hall.version, hall.layout, *by_status.values())
    )


def runs(numbers: Iterable[int]) -> list[int]:
    """[7, 8, 9, 20, 21] as [7, 3, 20, 2]: first, how many, first, how many …"""
    found: list[int] = []
    for number in numbers:
        if found and number == found[-2] + found[-1]:
            found[-1] += 1
        else:
            found += [number, 1]
    return found


def repeats(numbers: Iterable[int]) -> list[int]:
    """[0, 0, 0, 1, 1] as [0, 3, 1, 2]: which, how many, which, how many …"""
    found: list[int] = []
    for number in numbers:
        if found and number == found[-2]:
            found[-1] += 1
        else:
            found += [number, 1]
    return found


def _once(hall: Hall, name: Any, render: Callable[[], bytes]) -> bytes:
    """Rendered once for as long as the hall stays as it is."""
    found: bytes | None = hall.rendered.get(name)
    if found is None:
        if len(hall.rendered) >= RENDERED_KEPT:
            hall.rendered.clear()
        found = hall.rendered[name] = render()
    return found
