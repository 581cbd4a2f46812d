"""What the gates of `gate.GATES` mean in the API's document."""

from booking_api.gate import Gate, gate_of
from shared.errors import (
    QueueTokenExpired,
    QueueTokenForeign,
    QueueTokenInvalid,
    QueueTokenRequired,
    QueueTokenWaiting,
)
from shared.openapi import IDENTITY, OPEN, OPERATOR, QUEUE_TOKEN, VISITOR, Access

_TOKEN = (QueueTokenRequired, QueueTokenInvalid, QueueTokenForeign)

ACCESS: dict[Gate, Access] = {
    Gate.OPEN: OPEN,
    Gate.OWNER: VISITOR,
    Gate.OPERATOR: OPERATOR,
    Gate.ADMITTED: Access(
        Gate.ADMITTED.value, (IDENTITY, QUEUE_TOKEN), (*VISITOR.refusals, *_TOKEN)
    ),
    Gate.ACTIVE: Access(
        Gate.ACTIVE.value,
        (IDENTITY, QUEUE_TOKEN),
        (*VISITOR.refusals, *_TOKEN, QueueTokenWaiting, QueueTokenExpired),
    ),
}


def access_of(method: str, path: str) -> Access:
    """What a route asks of its caller, by its gate."""
    return ACCESS[gate_of(method, path)]
