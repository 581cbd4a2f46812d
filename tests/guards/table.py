"""All guards, from the tables beside this file."""

from tests.guards import Guard, gates, operators, rooms, sale, sites, streams, times

GUARDS: tuple[Guard, ...] = (
    *rooms.GUARDS,
    *sale.GUARDS,
    *gates.GUARDS,
    *operators.GUARDS,
    *sites.GUARDS,
    *streams.GUARDS,
    *times.GUARDS,
)
