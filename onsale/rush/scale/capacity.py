"""Whether this machine has room for a crowd, before it fills it."""

import re
import shutil
import tempfile
from pathlib import Path

#: Measured with a million: the store, the journal at its longest, a copy of the store while it
#: writes its file anew, the clients, and `onsale verify`, which reads all live places.
MEMORY_EACH, MEMORY_BESIDE = 700, 600 * 2**20
#: The table with its indexes and the store's file; beside them PostgreSQL's log of changes.
DISK_EACH, DISK_BESIDE = 900, 1200 * 2**20

_AVAILABLE = re.compile(r"^MemAvailable: +(\d+) kB$", re.MULTILINE)


def too_big(visitors: int) -> str | None:
    """Why so many do not fit on this machine, in words for a person; None when they do."""
    available = _AVAILABLE.search(Path("/proc/meminfo").read_text())
    checked = {
        "memory": (
            MEMORY_EACH * visitors + MEMORY_BESIDE,
            int(available[1]) * 1024 if available else None,
        ),
        f"disk in {tempfile.gettempdir()}": (
            DISK_EACH * visitors + DISK_BESIDE,
            shutil.disk_usage(tempfile.gettempdir()).free,
        ),
    }
    for what, (needed, free) in checked.items():
        if free is not None and needed > free:
            return (
                f"a line of {visitors:,} takes about {_gib(needed)} of {what},"
                f" and {_gib(free)} are free"
            )
    return None


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"
