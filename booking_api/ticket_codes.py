"""The code of a ticket: short, signed, and verifiable offline with the public keys.

A ticket is a CONFIRMED booking. Its code is

    OT1.<key>.<booking>.<date>.<seat>.<signature>

`OT1` names the format; `key` is the beginning of the signing key's `kid`; `booking` and `date` are
ids, as decimals; `seat` is the seat's number in UTF-8 and base64url; `signature` is Ed25519 (RFC
8032) over all that stands before its dot, in base64url. Whether the ticket is still good, and was
not used, the code cannot say.
"""

import re
from dataclasses import dataclass

from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from shared.errors import TicketInvalid
from shared.paging import number
from shared.signing import Jwk, base64url, from_base64url, private_key, public_jwk

VERSION = "OT1"
#: Enough to tell the few keys of a deployment apart; the signature decides.
KEY_CHARACTERS = 8
MOST_CHARACTERS = 512

_CODE = re.compile(
    rf"{VERSION}\.(?P<key>[\w-]{{{KEY_CHARACTERS}}})\.(?P<booking>[0-9]+)\.(?P<date>[0-9]+)"
    r"\.(?P<seat>[\w-]*)\.(?P<signature>[\w-]{86})",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a code says."""

    booking_id: int
    schedule_id: int
    seat_number: str


class TicketCodes:
    """Signs with the first key, verifies with all: rotation publishes a new one before it signs.

    Without a key there are no tickets.
    """

    def __init__(self, keys: tuple[str, ...]):
        """`keys`: 32 bytes each, base64url. Raises KeyRefused."""
        private = [private_key(key) for key in keys]
        self._published = [public_jwk(key) for key in private]
        self._key = private[0] if private else None
        self._verifying = [
            (jwk["kid"][:KEY_CHARACTERS], key.public_key())
            for jwk, key in zip(self._published, private, strict=True)
        ]

    def sign(self, ticket: Ticket) -> str:
        """The ticket's code, the same each time. There must be a key."""
        assert self._key is not None  # noqa: S101 -- without one there is no route that leads here
        seat = base64url(ticket.seat_number.encode()).decode()
        said = f"{VERSION}.{self._verifying[0][0]}.{ticket.booking_id}.{ticket.schedule_id}.{seat}"
        return f"{said}.{base64url(self._key.sign(said.encode())).decode()}"

    def read(self, code: str) -> Ticket:
        """What a code says. Raises TicketInvalid for one that we did not sign."""
        found = _CODE.fullmatch(code) if len(code) <= MOST_CHARACTERS else None
        if found is None:
            raise TicketInvalid
        signed = code.rpartition(".")[0].encode()
        if not any(
            _signed(key, signed, found["signature"])
            for name, key in self._verifying
            if name == found["key"]
        ):
            raise TicketInvalid
        booking_id, schedule_id = number(found["booking"]), number(found["date"])
        if not booking_id or not schedule_id:
            raise TicketInvalid
        return Ticket(booking_id, schedule_id, from_base64url(found["seat"]).decode())

    def jwks(self) -> dict[str, list[Jwk]]:
        """The JSON Web Key Set (RFC 7517) that verifies our tickets."""
        return {"keys": self._published}


TICKET_CODES = web.AppKey("ticket_codes", TicketCodes)


def _signed(key: Ed25519PublicKey, said: bytes, signature: str) -> bool:
    try:
        raw = from_base64url(signature)
        if base64url(raw).decode() != signature:  # one ticket has one code
            return False
        key.verify(raw, said)
    except (InvalidSignature, ValueError):
        return False
    return True
