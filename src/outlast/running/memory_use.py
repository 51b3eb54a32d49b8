"""The resident memory of this process and of the processes under it."""

from contextlib import suppress

import psutil


def resident_bytes() -> int:
    """Return the resident bytes of this process and of all processes under it, such as isolated attempts.

    Pages that they share count for each of them.
    """
    this = psutil.Process()
    used: int = this.memory_info().rss
    with suppress(psutil.Error):
        for child in this.children(recursive=True):
            with suppress(psutil.Error):
                used += child.memory_info().rss
    return used
