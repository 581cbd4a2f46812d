"""Refusals that read differently on the gateway than on the booking API (design: 401 here)."""

from shared.errors import QueueTokenInvalid, QueueTokenRequired


class TokenRequired(QueueTokenRequired):
    """Join the room first and send its token in the Queue-Token header."""

    status = 401


class TokenInvalid(QueueTokenInvalid):
    """This is no queue token of this room; join the room again."""

    status = 401
