"""Open files: how many this process may have, and how many of them connections may take."""

import resource
from contextlib import suppress
from pathlib import Path

OPEN_FILES = Path("/proc/self/fd")
FEWEST_RESERVED = 64
"""Descriptors that connections leave to the store, to files and to health probes, where the limit is low."""
FEWEST_CONNECTIONS = 8


def raise_limit() -> int:
    """Raise the soft limit on open files to the hard one, for this process and its children. Answers the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS says that its hard limit is infinite and refuses it
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def connections_within(limit: int, wanted: int) -> int:
    """At most `wanted`, and so few that a quarter of the open files beyond those of now stays free."""
    if limit == resource.RLIM_INFINITY:
        return wanted
    left = limit - _open_now()
    return max(FEWEST_CONNECTIONS, min(wanted, left - max(FEWEST_RESERVED, left // 4)))


def _open_now() -> int:
    try:
        return len(list(OPEN_FILES.iterdir()))
    except OSError:  # only Linux has the folder
        return FEWEST_RESERVED
