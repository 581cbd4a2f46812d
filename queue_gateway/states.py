"""What a token is right now, as its holder is told: by answers and by events alike."""

from typing import Any

import msgspec

from queue_gateway.answers import TokenState, Wait
from queue_gateway.room_view import RoomView
from shared.passes import Passes
from shared.places import WAIT, Status, timestamp
from shared.tokens import Place

_encode = msgspec.json.Encoder().encode

#: Stand for what differs between those who wait in one lane: number, position, waiting, eta_s and
#: poll_after_ms, in the order of the text. Nothing else in it is such a number.
_NUMBER, _POSITION, _WAITING, _ETA, _POLL = (8_790_000_000_000_001 + n for n in range(5))


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


def state_text(passes: Passes, place: Place, status: Status, view: RoomView | None) -> bytes:
    """The same as JSON. For who waits it is put together from parts, of which most are alike."""
    if status.status != WAIT or view is None:
        return _encode(TokenState(**token_state(passes, place, status, view)))
    form = view.forms.get(status.lane)
    if form is None:
        form = view.forms[status.lane] = _form(passes, status.lane, view)
    eta = _encode(view.eta_s(status))
    return form % (place.number, status.position, status.waiting, eta, status.poll_after_ms)


def given_text(passes: Passes, place: Place, status: Status, view: RoomView, token: bytes) -> bytes:
    """The same for who joined just now: TokenGiven as JSON. `token`: in base64url and dots."""
    return b'%b,"token":"%b"}' % (state_text(passes, place, status, view)[:-1], token)


def _form(passes: Passes, lane: str | None, view: RoomView) -> bytes:
    """The text for a lane, with formats where it differs."""
    place = Place(view.room_id, "", 1, _NUMBER)
    status = Status(WAIT, _POSITION, _POLL, None, None, _WAITING, lane)
    state = token_state(passes, place, status, view)
    state["eta_s"] = wait = Wait(_ETA, _ETA)
    text = _encode(TokenState(**state)).replace(b"%", b"%%").replace(_encode(wait), b"%b")
    for number in (_NUMBER, _POSITION, _WAITING, _POLL):
        text = text.replace(b"%d" % number, b"%d")
    return text
