"""Writes `docs/correctness.md` from the guard tables: `python -m tests.guards.document`."""

from collections import defaultdict

from tests.guards import ROOT, Guard
from tests.guards.table import GUARDS

PATH = ROOT / "docs" / "correctness.md"

ROOM_MODEL = "tests/integration/test_room_model.py"
SALE_MODEL = "tests/integration/test_sale_model.py"
HISTORIES = "tests/e2e/test_histories.py"
CRASHES = "tests/e2e/test_crashes.py"
EXPIRY = "tests/integration/test_booking_expiry.py"
VERIFY = "tests/integration/test_verify.py"
SCRIPTS = "tests/integration/test_room_scripts.py"
BOUNDS = "tests/integration/test_room_bounds.py"
LANES = "tests/integration/test_room_lanes.py"
NO_SHOWS = "tests/integration/test_room_no_shows.py"
BY_HAND = "tests/integration/test_room_operators.py"
SEATS = "tests/integration/test_room_seats.py"
ETA = "tests/unit/test_eta.py"
TOKENS = "tests/unit/test_queue_token.py"
GATES = "tests/integration/test_booking_gates.py"
OPERATORS = "tests/integration/test_gateway_operators.py"
CHECKINS = "tests/integration/test_checkins.py"
WEBHOOKS = "tests/integration/test_webhooks.py"
NO_CREDENTIALS = "tests/integration/test_no_credentials.py"

#: Every invariant in the design's order: its words, and the tests that hold it as a whole.
INVARIANTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "O1": ("numbers are unique in a room and given by the store", (ROOM_MODEL, CRASHES, VERIFY)),
    "O2": ("of two WAIT tokens the lower number is admitted first", (ROOM_MODEL, SCRIPTS, LANES)),
    "O3": ("a position never grows", (ROOM_MODEL, LANES)),
    "O4": ("reload, second tab, concurrent joins: one visitor, one place", (ROOM_MODEL, VERIFY)),
    "O5": ("a refused request consumes nothing", (ROOM_MODEL, SCRIPTS)),
    "A1": ("no admission raises ACTIVE above `max_active`", (ROOM_MODEL, SCRIPTS, BY_HAND, VERIFY)),
    "A2": (
        "admissions, less no-shows that a room compensates for, in any W ≤ rate x W + burst",
        (ROOM_MODEL, SCRIPTS, NO_SHOWS),
    ),
    "A3": ("a quiet spell banks no more than the burst", (ROOM_MODEL, SCRIPTS)),
    "A4": (
        "nothing is admitted while paused, closed, before opening or while all seats are held",
        (ROOM_MODEL, SCRIPTS, BY_HAND, SEATS),
    ),
    "A5": (
        "with waiters, slots and rate left somebody is admitted in a tick",
        (ROOM_MODEL, SCRIPTS, LANES),
    ),
    "A6": (
        "every end frees its slot once; an ended token never comes back",
        (ROOM_MODEL, SCRIPTS, BY_HAND, SEATS),
    ),
    "A7": (
        "reading changes no order and no deadline; it is seen, it claims",
        (ROOM_MODEL, SCRIPTS, BY_HAND),
    ),
    "E1": (
        "a wait falls into the range told four times of five; none is told where none was measured",
        (ETA,),
    ),
    "S1": ("only the store's clock decides", (BOUNDS, SCRIPTS)),
    "S2": ("after a crash: no duplicate number, cap and order kept", (CRASHES,)),
    "S3": ("work per script is bounded", (BOUNDS,)),
    "X1": (
        "WAIT, another room's or another visitor's token never passes as ACTIVE",
        (TOKENS, GATES),
    ),
    "X2": ("operator routes refuse by default", (OPERATORS, GATES)),
    "X3": ("no credential in a URL, log or error", (NO_CREDENTIALS,)),
    "B1": ("at most one live booking per seat", (SALE_MODEL, HISTORIES, VERIFY)),
    "B2": ("seat and booking always say the same", (SALE_MODEL, HISTORIES, VERIFY)),
    "B3": ("at most one payment per booking, of the price at hold time", (SALE_MODEL, VERIFY)),
    "B4": ("CONFIRMED means paid before `expiration_at`", (SALE_MODEL, HISTORIES, VERIFY)),
    "B5": ("CANCELED is final", (SALE_MODEL, HISTORIES, VERIFY)),
    "B6": ("balance ≥ 0 and equal to the sum of its ledger", (SALE_MODEL, VERIFY)),
    "B7": ("charges + refunds = payments + balances", (SALE_MODEL, VERIFY)),
    "B8": ("one idempotency key, one effect", (SALE_MODEL, VERIFY)),
    "B9": (
        "no PENDING booking outlives its deadline by more than the sweep bound",
        (HISTORIES, EXPIRY, VERIFY),
    ),
    "B10": ("live seats per visitor and date ≤ limit", (SALE_MODEL, VERIFY)),
    "B11": (
        "each booking, and each place in a waiting list, names the token that admitted its visitor",
        (HISTORIES, CRASHES, VERIFY),
    ),
    "B12": ("AVAILABLE + RESERVED + SOLD = seats loaded", (SALE_MODEL, VERIFY)),
    "B13": ("every 201 ever sent is there after a crash", (CRASHES,)),
    "T1": ("a ticket admits once, and only while its booking is CONFIRMED", (CHECKINS,)),
    "W1": ("what happened is told at least once, and of one booking in its order", (WEBHOOKS,)),
}

PREFACE = """\
# Correctness

What Onsale promises, the tests that hold it to that, and the guards that carry it. A *guard* is a
constraint, a condition in a statement or script, a lock, or a comparison in a gate. `make guards`
takes each of them away, one by one, in a copy of the sources, and runs its test, which must fail.

- **Models**: property tests drive a room on Valkey, Redis and fakeredis, and a sale on PostgreSQL,
  against plain-Python models (`tests/model/`), and compare every answer.
- **Histories**: 64 clients on 40 seats hold, extend, pay (also through a provider), give back and
  take what the waiting list offers; each seat's recorded history must be linearizable.
- **Crashes**: processes and stores are killed in the middle of a rush; the clients' own record of
  201s must agree with the database.
- **The oracle** of `onsale rush` judges order, cap and rate from what clients saw, nothing else.
- **`onsale verify`** checks live data, and is itself tested: each invariant is broken by hand.

This page is written by `python -m tests.guards.document`; a test fails when it is out of date.
"""


def document() -> str:
    """The page as it should be."""
    carried = defaultdict(list)
    for guard in GUARDS:
        for name in guard.invariant.replace(",", " ").split():
            carried[name].append(guard)
    lines = [PREFACE]
    for name, (words, held_by) in INVARIANTS.items():
        lines.append(f"## {name} {words}\n")
        lines.append("Held by " + ", ".join(f"`{test}`" for test in held_by) + ".\n")
        if carried[name]:
            lines += ["| guard | where | noticed by |", "|---|---|---|"]
            lines += [_row(guard) for guard in carried[name]]
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _row(guard: Guard) -> str:
    tests = ", ".join(f"`{test.rsplit('::', 1)[-1]}`" for test in guard.tests)
    return f"| {guard.name} | `{guard.where}` | {tests} |"


if __name__ == "__main__":
    PATH.write_text(document(), encoding="utf-8")
