"""What is remembered: a bounded number of things, and what is used again stays."""

import pytest

from shared.known_tokens import KnownTokens
from shared.remembered import Remembered
from shared.tokens import Place, QueueTokens, TokenRejected

SECRET = "queue-secret-of-the-tests-0123456789"


def test_no_more_is_kept_than_was_said() -> None:
    kept = Remembered[int, int](10)
    for number in range(1_000):
        kept.keep(number, -number)
        assert len(kept) <= 10
    assert kept.get(999) == -999
    assert kept.get(0) is None


def test_what_is_used_again_stays() -> None:
    kept = Remembered[int, int](10)
    kept.keep(-1, 1)
    for number in range(1_000):
        kept.keep(number, 0)
        assert kept.get(-1) == 1


def test_keeping_the_same_anew_forgets_nothing() -> None:
    kept = Remembered[int, int](4)
    kept.keep(1, 1)
    kept.keep(2, 2)
    for _ in range(10):
        kept.keep(1, 3)
    assert (kept.get(1), kept.get(2)) == (3, 2)


def test_a_known_token_proves_the_same_again() -> None:
    place = Place("spring-tour", "ann", 7, 9)
    token, known = QueueTokens((SECRET,)).sign(place), KnownTokens((SECRET,))
    assert [known.verify(token) for _ in range(3)] == [place] * 3


def test_what_is_like_a_known_token_is_refused() -> None:
    place = Place("spring-tour", "ann", 7, 9)
    known = KnownTokens((SECRET,))
    token = known.sign(place)
    known.verify(token)
    foreign = QueueTokens(("another-secret-of-the-tests-0123456",)).sign(place)
    for wrong in (token[:-1], token + "A", token[:-1] + "-", foreign, foreign):
        with pytest.raises(TokenRejected):
            known.verify(wrong)


def test_what_was_refused_takes_no_memory() -> None:
    known = KnownTokens((SECRET,))
    with pytest.raises(TokenRejected):
        known.verify("made.up.token")
    assert len(known._known) == 0
