"""`docs/correctness.md` tells the truth: it is what the guard tables say, and names real tests."""

from tests.guards import ROOT
from tests.guards.document import INVARIANTS, PATH, document
from tests.guards.table import GUARDS


def test_the_page_is_up_to_date() -> None:
    assert PATH.read_text(encoding="utf-8") == document(), "run python -m tests.guards.document"


def test_every_guard_carries_an_invariant_that_exists() -> None:
    for guard in GUARDS:
        assert set(guard.invariant.replace(",", " ").split()) <= set(INVARIANTS), guard.name


def test_every_invariant_has_a_test() -> None:
    carried = {name for guard in GUARDS for name in guard.invariant.replace(",", " ").split()}
    for name, (_, held_by) in INVARIANTS.items():
        assert held_by or name in carried, name
        for test in held_by:
            assert (ROOT / test).exists(), test
