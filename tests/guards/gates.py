"""Guards of the gates: who may ask what, and what a request must carry."""

from tests.guards import Guard

GUARDS: tuple[Guard, ...] = ()
