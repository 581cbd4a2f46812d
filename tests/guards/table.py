"""All guards, from the tables beside this file."""

from tests.guards import (
    Guard,
    choosing,
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
    tickets,
    times,
    waiting_list,
    webhooks,
)

GUARDS: tuple[Guard, ...] = (
    *rooms.GUARDS,
    *seats.GUARDS,
    *sale.GUARDS,
    *refunding.GUARDS,
    *collecting.GUARDS,
    *extending.GUARDS,
    *choosing.GUARDS,
    *waiting_list.GUARDS,
    *gates.GUARDS,
    *operators.GUARDS,
    *sites.GUARDS,
    *streams.GUARDS,
    *tickets.GUARDS,
    *times.GUARDS,
    *webhooks.GUARDS,
)
