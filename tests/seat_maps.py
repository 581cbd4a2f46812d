"""Reading compact seat maps as a client does."""

from typing import Any

STATUSES = {"A": "AVAILABLE", "R": "RESERVED", "S": "SOLD"}

Seats = dict[int, dict[str, Any]]


def of_full(seat_map: Any) -> Seats:
    """The seats of a full map, by their ids."""
    return {seat["concert_seat_id"]: seat for seat in seat_map["seats"]}


def of_compact(seat_map: Any) -> Seats:
    """The same of a compact one, in the order of ids."""
    found = {}
    for section in seat_map["sections"]:
        for row in section["rows"]:
            ids, bands = _runs(row["ids"]), _repeats(row["bands"])
            numbers = row.get("numbers") or [
                f"{row['prefix']}{place}" for place in _runs(row["places"])
            ]
            for at, status in enumerate(row["statuses"]):
                found[ids[at]] = {
                    "concert_seat_id": ids[at],
                    "seat_number": numbers[at],
                    "price": seat_map["bands"][bands[at]]["price"],
                    "status": STATUSES[status],
                }
            assert len(ids) == len(bands) == len(numbers) == len(row["statuses"])
    return dict(sorted(found.items()))


def changed(known: Seats, changes: Any) -> Seats:
    """What is known after compact changes."""
    found = {seat_id: dict(seat) for seat_id, seat in known.items()}
    for status in STATUSES.values():
        for seat_id in changes[status.lower()]:
            found[seat_id]["status"] = status
    return found


def _runs(pairs: list[int]) -> list[int]:
    return [
        first + n for first, many in zip(pairs[::2], pairs[1::2], strict=True) for n in range(many)
    ]


def _repeats(pairs: list[int]) -> list[int]:
    return [which for which, many in zip(pairs[::2], pairs[1::2], strict=True) for _ in range(many)]
