"""The progress of work on many things, as its caller wants to hear of it."""

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Called with how many are done, and of how many."""


def ignore_progress(*_: object) -> None:
    """Discard the progress, whatever it consists of."""
