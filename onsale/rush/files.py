"""Open files: a visitor needs connections, and a crowd many of them."""

import resource

SPARE_FILES = 200  # besides the connections


def allow_open_files(connections: int) -> None:
    """Raise the soft limit of open files, as far as the hard limit lets."""
    wanted = connections + SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    ceiling = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < ceiling:
        resource.setrlimit(resource.RLIMIT_NOFILE, (ceiling, hard))
