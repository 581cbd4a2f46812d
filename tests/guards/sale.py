"""Guards of the sale: statements, functions and constraints."""

from tests.guards import Guard

GUARDS: tuple[Guard, ...] = ()
