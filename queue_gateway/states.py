"""What a token is right now, as its holder is told: by answers and by events alike."""

from typing import Any

from queue_gateway.room_view import RoomView
from shared.passes import Passes
from shared.places import WAIT, Status, timestamp
from shared.tokens import Place


def token_state(
    passes: Passes, place: Place, status: Status, view: RoomView | None
) -> dict[str, Any]:
    """The fields of TokenState. `view`: its room, which a place that waits needs."""
    waits = view if status.status == WAIT else None
    expires_at = None if status.expires_at_ms is None else timestamp(status.expires_at_ms)
    return {
        "room_id": place.room_id,
        "status": status.status,
        "number": place.number,
        "position": status.position,
        "waiting": status.waiting,
        "eta_s": waits and waits.eta_s(status),
        "poll_after_ms": status.poll_after_ms,
        "expires_at": expires_at,
        "reason": status.reason,
        "lane": status.lane,
        "state": waits and waits.state,
        "opens_at": waits and waits.opens_at,
        "sale": waits and waits.sale_now,
        "pass_": passes.sign(place, status.expires_at_ms),
    }
