"""Guards written as rows, for files that hold many."""

from tests.guards import Guard

#: name, invariant, its text, what stands there without it, the test or tests that must fail.
Row = tuple[str, str, str, str, str | tuple[str, ...]]


def rows(where: str, *found: Row) -> tuple[Guard, ...]:
    """The guards of one file."""
    return tuple(
        Guard(name, where, text, without, invariant, test)
        for name, invariant, text, without, test in found
    )
