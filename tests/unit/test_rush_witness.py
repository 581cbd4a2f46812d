"""The witness: what contradicts an earlier answer, and what only overlaps with it."""

from base64 import urlsafe_b64encode
from typing import Any

import orjson
import pytest

from onsale.rush.witness import FRESH, Line, Token, Witness


def token(number: int = 5, generation: int = 1) -> Token:
    claims = {"jti": f"r.{generation}.{number}", "num": number, "gen": generation}
    payload = urlsafe_b64encode(orjson.dumps(claims)).rstrip(b"=").decode()
    return Token.read(f"e30.{payload}.sig")


def place(status: str = "WAIT", position: int | None = 3, number: int = 5) -> dict[str, Any]:
    return {"status": status, "position": position, "number": number, "poll_after_ms": 1000}


@pytest.fixture
def witness() -> Witness:
    return Witness(token(), Line())


def test_a_token_tells_its_place() -> None:
    assert token(7, 2).jti == "r.2.7"
    assert (token(7, 2).number, token(7, 2).generation) == (7, 2)


def test_the_usual_way_raises_no_word(witness: Witness) -> None:
    way = [
        place(position=3),
        place(position=3),
        place(position=1),
        place("ACTIVE", 0),
        place("EXPIRED", None),
    ]
    assert [witness.hear(step, witness.ask()) for step in way] == [[]] * 5


def test_a_position_that_grew_is_named(witness: Witness) -> None:
    witness.hear(place(position=3), FRESH)
    assert "O3" in witness.hear(place(position=4), witness.ask())[0]


def test_an_answer_overtaken_by_a_later_one_is_right(witness: Witness) -> None:
    early = witness.ask()
    witness.hear(place("ACTIVE", 0), witness.ask())
    assert witness.hear(place(position=3), early) == []
    assert witness.status == "ACTIVE"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (place("ACTIVE", 0), place(position=1)),
        (place("EXPIRED", None), place("ACTIVE", 0)),
        (place("EXPIRED", None), place(position=1)),
    ],
)
def test_a_status_that_went_back_is_named(
    witness: Witness, before: dict[str, Any], after: dict[str, Any]
) -> None:
    witness.hear(before, FRESH)
    assert "A6" in witness.hear(after, witness.ask())[0]


def test_a_later_number_known_to_be_admitted_before_is_named() -> None:
    line = Line()
    early, late = Witness(token(5), line), Witness(token(6), line)
    asked_before = early.ask()
    late.hear(place("ACTIVE", 0, number=6), FRESH)
    assert early.hear(place(), asked_before) == []  # both answers were on their way
    assert "O2" in early.hear(place(), early.ask())[0]


def test_numbers_of_another_generation_do_not_compare() -> None:
    line = Line()
    Witness(token(900, 1), line).hear(place("ACTIVE", 0, number=900), FRESH)
    later = Witness(token(5, 2), line)
    assert later.hear(place(), later.ask()) == []


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
def test_an_answer_that_contradicts_itself_is_named(
    witness: Witness, wrong: dict[str, Any]
) -> None:
    assert len(witness.hear(wrong, FRESH)) == 1
