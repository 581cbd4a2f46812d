"""What the local provider keeps: payments, what was given back, and events not yet delivered.

One file of SQLite, or memory; every change is one transaction, on disk before it is answered.
"""

import json
import os
import secrets
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS intent (
    id TEXT PRIMARY KEY, client_secret TEXT NOT NULL, amount TEXT NOT NULL, currency TEXT NOT NULL,
    metadata TEXT NOT NULL, status TEXT NOT NULL, collects_at REAL, tells INTEGER NOT NULL DEFAULT 1
);
CREATE TABLE IF NOT EXISTS refund (
    id TEXT PRIMARY KEY, intent TEXT NOT NULL UNIQUE, amount TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS answered (
    key TEXT PRIMARY KEY, request TEXT NOT NULL, answer TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS event (
    id TEXT PRIMARY KEY, body TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, next_at REAL
);
CREATE INDEX IF NOT EXISTS event_due ON event (next_at) WHERE next_at IS NOT NULL;
"""

Row = dict[str, Any]


class Refused(Exception):
    """The request cannot be done; `code` says why."""

    def __init__(self, status: int, code: str):
        super().__init__(code)
        self.status, self.code = status, code


@dataclass(frozen=True, slots=True)
class Event:
    """Something to tell: its id and its body."""

    id: str
    body: bytes
    attempts: int


class Till:
    """All payments. Used from one thread; nothing in it waits for anything but the disk."""

    def __init__(self, file: str | None):
        if file is not None:  # it holds what visitors pay with
            os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
        self._db = sqlite3.connect(file or ":memory:", isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;" + SCHEMA)

    def close(self) -> None:
        self._db.close()

    def create(
        self, key: str, amount: str, currency: str, metadata: dict[str, str]
    ) -> tuple[Row, bool]:
        """A payment to be made, and whether it was there before, under the same key."""
        asked = {"amount": amount, "currency": currency, "metadata": metadata}
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            known = self._answered(key, asked)
            if known is not None:
                return self.intent(known), True
            reference = f"pi_{secrets.token_hex(12)}"
            self._db.execute(
                "INSERT INTO intent (id, client_secret, amount, currency, metadata, status)"
                " VALUES (?, ?, ?, ?, ?, 'requires_payment')",
                (
                    reference,
                    f"{reference}_secret_{secrets.token_urlsafe(18)}",
                    amount,
                    currency,
                    json.dumps(metadata),
                ),
            )
            self._answer(key, asked, reference)
        return self.intent(reference), False

    def intent(self, reference: str) -> Row:
        """A payment as it is told. Raises Refused."""
        row = self._row("SELECT * FROM intent WHERE id = ?", reference)
        if row is None:
            raise Refused(404, "not_found")
        shown = ("id", "client_secret", "amount", "currency", "status")
        return {**{name: row[name] for name in shown}, "metadata": json.loads(row["metadata"])}

    def pay(self, reference: str, client_secret: str, status: str, at: float, tells: bool) -> Row:
        """The visitor's card: `status` from the moment `at` on. Raises Refused.

        A declined payment may be tried again; one that is made or under way may not.
        """
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            row = self._row("SELECT * FROM intent WHERE id = ?", reference)
            if row is None or not secrets.compare_digest(row["client_secret"], client_secret):
                raise Refused(404, "not_found")
            if row["status"] not in {"requires_payment", "declined"}:
                raise Refused(409, "not_payable")
            if status == "declined":
                self._become(reference, "declined", at)
            else:
                self._db.execute(
                    "UPDATE intent SET status = 'processing', collects_at = ?, tells = ?"
                    " WHERE id = ?",
                    (at, tells, reference),
                )
        return self.intent(reference)

    def collect(self, now: float) -> int:
        """Make the payments that are due by now; how many."""
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            due = self._db.execute(
                "SELECT id, tells FROM intent WHERE status = 'processing' AND collects_at <= ?",
                (now,),
            ).fetchall()
            for row in due:
                self._become(row["id"], "succeeded", now, tells=bool(row["tells"]))
        return len(due)

    def refund(self, key: str, reference: str, now: float) -> tuple[Row, bool]:
        """Give back all that was collected, once whatever the key; and whether it had been done."""
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._answered(key, {"intent": reference})
            row = self._row("SELECT * FROM refund WHERE intent = ?", reference)
            if row is not None:
                return dict(row), True
            paid = self._row("SELECT * FROM intent WHERE id = ?", reference)
            if paid is None:
                raise Refused(404, "not_found")
            if paid["status"] != "succeeded":
                raise Refused(409, "not_collected")
            made = {"id": f"re_{secrets.token_hex(12)}", "intent": reference}
            made["amount"] = paid["amount"]
            self._db.execute("INSERT INTO refund VALUES (:id, :intent, :amount)", made)
            self._answer(key, {"intent": reference}, made["id"])
            self._become(reference, "refunded", now)
        return made, False

    def due(self, now: float, most: int) -> list[Event]:
        """Events to be delivered now."""
        rows = self._db.execute(
            "SELECT * FROM event WHERE next_at <= ? ORDER BY next_at LIMIT ?", (now, most)
        )
        return [Event(row["id"], row["body"].encode(), row["attempts"]) for row in rows]

    def delivered(self, event: Event) -> None:
        self._db.execute("UPDATE event SET next_at = NULL WHERE id = ?", (event.id,))

    def put_off(self, event: Event, until: float | None) -> None:
        """Try an event again then, or never."""
        self._db.execute(
            "UPDATE event SET attempts = attempts + 1, next_at = ? WHERE id = ?", (until, event.id)
        )

    def tell_again(self, reference: str, now: float) -> int:
        """Deliver all events of a payment once more, the newest first; how many."""
        found = self._db.execute(
            "UPDATE event SET next_at = ? - rowid / 1e6, attempts = 0"
            " WHERE json_extract(body, '$.data.id') = ?",
            (now, reference),
        )
        return found.rowcount

    def _become(self, reference: str, status: str, now: float, *, tells: bool = True) -> None:
        self._db.execute(
            "UPDATE intent SET status = ?, collects_at = NULL WHERE id = ?", (status, reference)
        )
        said = self.intent(reference)
        del said["client_secret"]
        event = {
            "id": f"evt_{secrets.token_hex(12)}",
            "type": f"intent.{status}",
            "created_at": datetime.fromtimestamp(now, UTC).isoformat(),
            "data": said,
        }
        self._db.execute(
            "INSERT INTO event (id, body, next_at) VALUES (?, ?, ?)",
            (event["id"], json.dumps(event), now if tells else None),
        )

    def _answered(self, key: str, asked: Row) -> str | None:
        """What was made under a key. Raises Refused when it was for something else."""
        row = self._row("SELECT * FROM answered WHERE key = ?", key)
        if row is None:
            return None
        if row["request"] != json.dumps(asked, sort_keys=True):
            raise Refused(422, "idempotency_key_reused")
        return str(row["answer"])

    def _answer(self, key: str, asked: Row, made: str) -> None:
        self._db.execute(
            "INSERT INTO answered VALUES (?, ?, ?)", (key, json.dumps(asked, sort_keys=True), made)
        )

    def _row(self, statement: str, *args: Any) -> sqlite3.Row | None:
        found: sqlite3.Row | None = self._db.execute(statement, args).fetchone()
        return found
