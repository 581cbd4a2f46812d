"""Signatures of what one service posts to another: `t=<unix time>,v1=<HMAC-SHA-256 in hex>`.

Signed are the time, a full stop and the body, so that an old request cannot be sent again as a new
one. While a secret is replaced there may be several `v1`, and the receiver may know several.
"""

import hmac
import re
from collections.abc import Sequence

#: How far the sender's and the receiver's clocks and the way between them may be apart.
TOLERANCE_S = 300
_TIME = re.compile(r"[0-9]{1,12}")
_MOST_PARTS = 8


def stamp(secrets: Sequence[str], body: bytes, at: int) -> str:
    """The signature of `body`, sent at the unix time `at`; a `v1` for each secret."""
    return ",".join([f"t={at}", *(f"v1={_signature(secret, body, str(at))}" for secret in secrets)])


def is_stamped(secrets: Sequence[str], header: str, body: bytes, now: float) -> bool:
    """Whether `header` is the signature of `body` by one of the secrets, made about now."""
    parts = [part.partition("=") for part in header.split(",")]
    times = [value for name, _, value in parts if name.strip() == "t"]
    if len(parts) > _MOST_PARTS or len(times) != 1 or not _TIME.fullmatch(times[0]):
        return False
    if abs(now - int(times[0])) > TOLERANCE_S:
        return False
    given = [value.encode() for name, _, value in parts if name.strip() == "v1"]
    known = [_signature(secret, body, times[0]).encode() for secret in secrets]
    return any(hmac.compare_digest(one, other) for one in given for other in known)


def _signature(secret: str, body: bytes, at: str) -> str:
    return hmac.digest(secret.encode(), at.encode() + b"." + body, "sha256").hex()
