"""What the crowd has come for, and what one client process knows together."""

from dataclasses import dataclass, field

from onsale.rush.seating import Plan


@dataclass(frozen=True, slots=True)
class Sale:
    """One concert on sale, and the room that guards it."""

    gateway_url: str
    booking_url: str
    room_id: str
    concert_id: int
    plans: dict[int, Plan] = field(default_factory=dict)  # by concert_schedule_id
