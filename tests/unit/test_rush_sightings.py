"""What a client reads off an answer, and what is wrong with an answer on its own."""

from base64 import urlsafe_b64encode
from typing import Any

import orjson
import pytest

from onsale.rush.client import Answer
from onsale.rush.sightings import ACTIVE, EXPIRED, Sighting, Token, malformed


def token(number: int = 5, generation: int = 1) -> Token:
    claims = {"jti": f"r.{generation}.{number}", "num": number, "gen": generation}
    payload = urlsafe_b64encode(orjson.dumps(claims)).rstrip(b"=").decode()
    return Token.read(f"e30.{payload}.sig")


def place(status: str = "WAIT", position: int | None = 3, number: int = 5) -> dict[str, Any]:
    return {"status": status, "position": position, "number": number, "poll_after_ms": 1000}


def test_a_token_tells_its_place() -> None:
    assert token(7, 2).jti == "r.2.7"
    assert (token(7, 2).number, token(7, 2).generation) == (7, 2)


def test_a_sighting_keeps_when_it_was_asked_and_what_was_answered() -> None:
    answer = Answer(201, place(position=3), sent=1.0, received=2.0)
    seen = Sighting.of(40, token(), answer, joined=True)
    assert (seen.sent, seen.received, seen.visitor, seen.number) == (1.0, 2.0, 40, 5)
    assert (seen.status, seen.position, seen.joined, seen.made) == ("WAIT", 3, True, True)


@pytest.mark.parametrize(
    ("status", "code", "means"),
    [
        (201, "", ACTIVE),
        (409, "seat_taken", ACTIVE),  # refused by the sale, let through by the gate
        (403, "queue_token_expired", EXPIRED),
    ],
)
def test_the_gate_of_the_booking_api_tells_the_status_too(
    status: int, code: str, means: str
) -> None:
    answer = Answer(status, {"code": code} if code else {}, sent=1.0, received=2.0)
    assert Sighting.at_the_gate(40, token(), answer).status == means


@pytest.mark.parametrize("right", [place(position=1), place("ACTIVE", 0), place("EXPIRED", None)])
def test_the_usual_answers_raise_no_word(right: dict[str, Any]) -> None:
    assert malformed(right, token()) == []


@pytest.mark.parametrize(
    "wrong",
    [
        place("ACTIVE", 1),
        place("EXPIRED", 0),
        place("WAIT", 0),
        place("WAIT", None),
        place("PAUSED", 1),
        place(number=6),
        {**place(), "poll_after_ms": None},
    ],
)
def test_an_answer_that_contradicts_itself_is_named(wrong: dict[str, Any]) -> None:
    assert len(malformed(wrong, token())) == 1
