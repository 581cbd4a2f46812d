"""Concerts and dates as operators see them."""

from typing import Literal

from msgspec import Struct

from shared.shapes import Count, Id, Moment, RoomId


class OperatorsConcert(Struct):
    """A concert with its settings."""

    concert_id: Id
    concert_name: str
    room_id: RoomId
    refund_percent: Count
    on_sale: bool
    off_sale_at: Moment | None
    version: Count


class OperatorsSchedule(Struct):
    """A date with its settings. `seats_loaded`: as many as it has."""

    concert_schedule_id: Id
    concert_id: Id
    schedule_date: Moment
    state: Literal["on_sale", "stopped", "canceled"]
    hold_ttl_s: Count
    hold_extension_s: Count
    max_seats_per_user: Count
    max_let_go_per_hour: Count
    offer_ttl_s: Count
    avoid_orphans: bool
    refund_until: Moment | None
    seats_loaded: Count
    version: Count
