"""The guard tables are up to date; `make guards` takes the guards away."""

import pytest

from tests.guards import ROOT, Guard
from tests.guards.table import GUARDS


def test_guards_have_names_of_their_own() -> None:
    assert len({guard.name for guard in GUARDS}) == len(GUARDS)


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_a_guards_text_stands_once_where_the_table_says(guard: Guard) -> None:
    assert (ROOT / guard.where).read_text(encoding="utf-8").count(guard.text) == 1
    assert guard.without != guard.text
