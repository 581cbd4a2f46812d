"""All guards, from the tables beside this file."""

from tests.guards import (
    Guard,
    collecting,
    extending,
    gates,
    operators,
    refunding,
    rooms,
    sale,
    seats,
    sites,
    streams,
    times,
)

GUARDS: tuple[Guard, ...] = (
    *rooms.GUARDS,
    *seats.GUARDS,
    *sale.GUARDS,
    *refunding.GUARDS,
    *collecting.GUARDS,
    *extending.GUARDS,
    *gates.GUARDS,
    *operators.GUARDS,
    *sites.GUARDS,
    *streams.GUARDS,
    *times.GUARDS,
)
