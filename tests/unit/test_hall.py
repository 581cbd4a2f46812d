"""A hall as a process keeps it, against the database's rows as they are."""

from decimal import Decimal
from typing import Any

import msgspec
import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from booking_api.hall import Hall
from booking_api.map_views import Views
from booking_api.money import Currency
from tests.seat_maps import changed, of_compact, of_full

STATUSES = ["AVAILABLE", "RESERVED", "SOLD"]
SEATS = 6


class Database:
    """Rows, and readings of them as `queries/seat_map.sql` gives them."""

    def __init__(self) -> None:
        self.now = 10
        self.rows: list[dict[str, Any]] = [
            {
                "concert_seat_id": n + 1,
                "seat_number": f"A-{n + 1}",
                "price": Decimal("5.00"),
                "section": "",
                "seat_row": "A",
                "place": n + 1,
                "band": "",
                "status": "AVAILABLE",
                "changed_xid": 1,
                "overdue": False,
            }
            for n in range(SEATS)
        ]

    def head(self, version: int) -> dict[str, Any]:
        return {
            "version": version,
            "snapshot": str(self.now),
            "avoid_orphans": False,
            "removed": 0,
        }

    def read(self, version: int, since: int | None) -> list[dict[str, Any]]:
        """`version`: an older transaction still runs."""
        found = [
            {
                **self.head(version),
                **row,
                "status": "AVAILABLE" if row["overdue"] else row["status"],
            }
            for row in self.rows
            if since is None or row["changed_xid"] >= since or row["overdue"]
        ]
        return found or [{**self.head(version), **dict.fromkeys(self.rows[0])}]


#: A seat gets a status; a hold of it ends by itself; or the hall is read, with older transactions.
steps = st.lists(
    st.one_of(
        st.tuples(st.integers(0, SEATS - 1), st.sampled_from(STATUSES)),
        st.tuples(st.integers(0, SEATS - 1), st.just("ENDS")),
        st.tuples(st.integers(0, 4), st.just("READ")),
    ),
    max_size=25,
)


@settings(deadline=None)
@given(steps)
def test_whoever_reads_on_knows_what_a_fresh_reading_says(taken: list[tuple[int, str]]) -> None:
    views, database = Views(Currency("USD", 2)), Database()

    def fresh(version: int) -> Hall:
        hall = Hall(7, database.read(version, None))
        views.prepare(hall)
        return hall

    kept = fresh(database.now)
    full = of_full(orjson.loads(views.whole(kept)))
    compact, followed = dict(full), dict(full)
    since, reading = kept.version, kept.reading
    for number, what in [*taken, (0, "READ")]:
        database.now += 1
        if what == "READ":
            version = max(kept.version, database.now - number)
            rows = database.read(version, kept.version)
            assert kept.fits(rows)
            kept.follow(rows)
            truth = fresh(version)
            assert (kept.etag, kept.counts) == (truth.etag, truth.counts)
            assert views.whole(kept) == views.whole(truth)
            assert views.compact(kept) == views.compact(truth)
            full |= of_full(orjson.loads(views.changes(kept, since)))
            compact = changed(compact, msgspec.json.decode(views.compact_changes(kept, since)))
            followed = changed(followed, msgspec.json.decode(views.news(kept, reading)))
            since, reading = kept.version, kept.reading
            known = of_full(orjson.loads(views.whole(truth)))
            assert full == compact == followed == known
            assert of_compact(orjson.loads(views.compact(kept))) == known
        elif what == "ENDS":
            if database.rows[number]["status"] == "RESERVED":
                database.rows[number]["overdue"] = True
        else:
            database.rows[number] |= {
                "status": what,
                "changed_xid": database.now,
                "overdue": False,
            }
