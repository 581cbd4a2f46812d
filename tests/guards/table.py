"""All guards, from the tables beside this file."""

from tests.guards import Guard, extending, gates, operators, rooms, sale, sites, streams, times

GUARDS: tuple[Guard, ...] = (
    *rooms.GUARDS,
    *sale.GUARDS,
    *extending.GUARDS,
    *gates.GUARDS,
    *operators.GUARDS,
    *sites.GUARDS,
    *streams.GUARDS,
    *times.GUARDS,
)
