"""The codes of tickets: what they say, who believes them, and what is none."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from booking_api.ticket_codes import Ticket, TicketCodes
from shared.errors import TicketInvalid
from shared.signing import KeyRefused

NEW, OLD, OTHER = (
    base64.urlsafe_b64encode(bytes([n]) * 32).rstrip(b"=").decode() for n in (1, 2, 3)
)
TICKET = Ticket(12345, 7, "A-12")


def padded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@pytest.mark.parametrize("seat", ["A-12", "가-12", "Étage Ž 9", "x" * 32, "."])
def test_a_code_says_what_was_signed(seat: str) -> None:
    codes = TicketCodes((NEW,))
    ticket = Ticket(2**63 - 1, 9, seat)

    assert codes.read(codes.sign(ticket)) == ticket
    assert codes.sign(ticket) == codes.sign(ticket)


def test_anybody_with_the_public_key_verifies_it_by_hand() -> None:
    """As the module says it: split at dots, look the key up, verify all but the last part."""
    codes = TicketCodes((NEW, OLD))

    said, _, signature = codes.sign(TICKET).rpartition(".")

    version, key_name, booking, date, seat = said.split(".")
    (key,) = [key for key in codes.jwks()["keys"] if key["kid"].startswith(key_name)]
    Ed25519PublicKey.from_public_bytes(padded(key["x"])).verify(padded(signature), said.encode())
    assert (version, booking, date, padded(seat)) == ("OT1", "12345", "7", b"A-12")


def test_codes_of_an_older_key_are_believed_until_it_is_gone() -> None:
    code = TicketCodes((OLD,)).sign(TICKET)

    assert TicketCodes((NEW, OLD)).read(code) == TICKET
    assert TicketCodes((NEW, OLD)).sign(TICKET) == TicketCodes((NEW,)).sign(TICKET)
    with pytest.raises(TicketInvalid):
        TicketCodes((NEW,)).read(code)


def test_no_changed_code_is_believed() -> None:
    codes = TicketCodes((NEW,))
    code = codes.sign(TICKET)

    for place in range(len(code)):
        for other in "A1.-":
            changed = code[:place] + other + code[place + 1 :]
            if changed != code:
                with pytest.raises(TicketInvalid):
                    codes.read(changed)


def test_a_ticket_has_one_code() -> None:
    """The last character of a signature has bits that mean nothing: they must be nothing."""
    codes = TicketCodes((NEW,))
    code = codes.sign(TICKET)

    for other in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_":
        if other != code[-1]:
            with pytest.raises(TicketInvalid):
                codes.read(code[:-1] + other)


@pytest.mark.parametrize(
    "code",
    ["", "OT1", "OT1.....", "x" * 512, "OT1." * 200, "Ä" * 40, "\x00", "OT2.a.1.1.QQ." + "A" * 86],
)
def test_garbage_is_no_ticket(code: str) -> None:
    with pytest.raises(TicketInvalid):
        TicketCodes((NEW,)).read(code)


def test_a_code_of_another_sale_is_no_ticket() -> None:
    with pytest.raises(TicketInvalid):
        TicketCodes((NEW,)).read(TicketCodes((OTHER,)).sign(TICKET))


@pytest.mark.parametrize("key", ["", "short", NEW + "AAAA", "é" * 43])
def test_a_key_that_is_none_is_refused(key: str) -> None:
    with pytest.raises(KeyRefused) as refused:
        TicketCodes((key,))
    assert key == "" or key not in str(refused.value)
