"""Guards of what processes remember: no more than they have room for, and nothing that is wrong."""

from tests.guards import Guard
from tests.guards.rows import rows

_REMEMBERED = "tests/unit/test_remembered.py::"

_KNOWN = """\
        place = self._known.get(token)
        if place is None:
            place = super().verify(token)
            self._known.keep(token, place)
"""

GUARDS: tuple[Guard, ...] = (
    *rows(
        "shared/remembered.py",
        (
            "what is remembered is bounded",
            "S3",
            "if len(self._young) >= self._half and key not in self._young:",
            "if False:",
            _REMEMBERED + "test_no_more_is_kept_than_was_said",
        ),
    ),
    *rows(
        "shared/known_tokens.py",
        (
            "a token is known by all of its text",
            "X1",
            _KNOWN,
            _KNOWN.replace("get(token)", "get(token[:40])").replace(
                "keep(token,", "keep(token[:40],"
            ),
            _REMEMBERED + "test_what_is_like_a_known_token_is_refused",
        ),
    ),
)
