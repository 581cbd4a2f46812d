"""How reads show times; functions/rendering.sql does the same for answers made in the database."""

from datetime import datetime


def utc_text(moment: datetime) -> str:
    """A moment in UTC as RFC 3339, in whole milliseconds: '2030-01-01T20:00:00.000Z'."""
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
