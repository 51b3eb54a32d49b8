"""The limit on open files, and the number of connections that it allows."""

import resource
from contextlib import suppress
from pathlib import Path

OPEN_FILES = Path("/proc/self/fd")
MIN_RESERVED = 64
"""Descriptors reserved for the store, files and health probes if the limit is low."""
MIN_CONNECTIONS = 8


def raise_open_file_limit() -> int:
    """Raise the soft limit on open files to the hard one, for this process and its children; return the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS reports an infinite hard limit and rejects it
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def allowed_connections(limit: int, requested: int) -> int:
    """At most `requested` connections, leaving a quarter of the remaining descriptors free."""
    if limit == resource.RLIM_INFINITY:
        return requested
    left = limit - _count_open()
    return max(MIN_CONNECTIONS, min(requested, left - max(MIN_RESERVED, left // 4)))


def _count_open() -> int:
    try:
        return len(list(OPEN_FILES.iterdir()))
    except OSError:  # only Linux has the folder
        return MIN_RESERVED
