"""Operators and their keys: `ONSALE_ADMIN_KEY`, a comma-separated list.

`key` alone is that of an operator called "operator"; `name=key` gives the operator a name, under
which the audit keeps what they did; `name/read=key` only reads.
"""

import hmac
import re
from dataclasses import dataclass, field

#: As for every secret: RFC 7518 section 3.2 asks for no less of HMAC keys.
MIN_KEY_LENGTH = 16
NAMELESS = "operator"

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,62}")
_READS = "/read"


@dataclass(frozen=True, slots=True)
class Operator:
    """Who asks. `may_write`: more than reading."""

    name: str
    may_write: bool


@dataclass(frozen=True, slots=True)
class OperatorKey:
    """A key, and whose it is. The key is in no text of it."""

    key: str = field(repr=False)
    operator: Operator

    def opens_to(self, given: bytes) -> bool:
        """Whether `given` is this key, in a time that does not tell how much of it is right."""
        return hmac.compare_digest(given, self.key.encode())


def operator_keys(text: str) -> tuple[OperatorKey, ...]:
    """All keys of a list. Raises ValueError that says what is wrong, and never a key."""
    found = tuple(_operator_key(part.strip()) for part in text.split(",") if part.strip())
    if not found:
        raise ValueError("holds no key.")
    by_key = {known.key: known.operator for known in found}
    if any(by_key[known.key] != known.operator for known in found):
        raise ValueError("gives one key to two operators.")
    return found


def full_key(keys: tuple[OperatorKey, ...]) -> str:
    """The first key that may do everything. Raises ValueError where all only read."""
    for known in keys:
        if known.operator.may_write:
            return known.key
    raise ValueError("holds only keys that read.")


def _operator_key(part: str) -> OperatorKey:
    label, separator, key = part.partition("=")
    if not separator or not key.strip("="):  # base64 ends in '='
        label, key = NAMELESS, part
    name = label.strip().removesuffix(_READS)
    key = key.strip()
    if not NAME.fullmatch(name):
        raise ValueError("takes names of letters, digits and '._@-', as in name=key.")
    if len(key) < MIN_KEY_LENGTH or key.rstrip("=").endswith(_READS):
        raise ValueError(f"must hold keys of at least {MIN_KEY_LENGTH} characters.")
    return OperatorKey(key, Operator(name, may_write=not label.strip().endswith(_READS)))
