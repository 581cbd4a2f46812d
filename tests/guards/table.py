"""All guards, from the tables beside this file."""

from tests.guards import Guard, gates, rooms, sale

GUARDS: tuple[Guard, ...] = (*rooms.GUARDS, *sale.GUARDS, *gates.GUARDS)
