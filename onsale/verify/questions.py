"""Reading `invariants.sql`: one question or more for each invariant."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_QUESTION = re.compile(
    r"^-- (?P<name>[A-Z]\d+): (?P<words>[^\n]+)\n"
    r"-- counts: (?P<counts>[^\n]+)\n(?P<counted>.+?);\n"
    r"(?P<broken>(?:-- broken\n.+?;\n(?:\n|\Z))+)",
    re.MULTILINE | re.DOTALL,
)
_BROKEN = re.compile(r"^-- broken\n(.+?);\n", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Question:
    """An invariant as SQL: a number to show, and the rows that break it, from several places."""

    name: str
    words: str
    counts: str
    counted: str
    broken: tuple[str, ...]


@cache
def questions() -> tuple[Question, ...]:
    """All of them, in the file's order."""
    text = (Path(__file__).parent / "invariants.sql").read_text(encoding="utf-8")
    return tuple(
        Question(
            found["name"],
            found["words"],
            found["counts"],
            found["counted"],
            tuple(_BROKEN.findall(found["broken"])),
        )
        for found in _QUESTION.finditer(text)
    )
