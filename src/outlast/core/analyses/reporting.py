"""What the code of an analysis calls to say how far it is, and to learn for whom it works."""

from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

from outlast.core.analyses.context import current

T = TypeVar("T")


def report(done: float | None = None, total: float | None = None, message: str | None = None) -> None:
    """Report the progress of the current step: `done` of `total` (without `total`: a fraction from 0 to 1).

    Visitors read `message`; `None` leaves the last one. It never blocks, so call it as often as you like. Outside
    a step it applies to all calls of the step that started last; outside an analysis it does nothing.
    Percentages never fall: a smaller value changes nothing.
    """
    attempt = current()
    if attempt is not None:
        attempt.report(done, total, message)


def owner() -> str:
    """Return the owner of the session, equal for all sessions of one owner, or "" outside an analysis."""
    attempt = current()
    return attempt.owner if attempt is not None else ""


def track(items: Iterable[T], total: float | None = None, message: str | None = None) -> Iterator[T]:
    """Yield the `items` and report progress after each. Pass `total` if `items` has no length.

    Visitors read `message` meanwhile.
    """
    count = total if total is not None else len(items) if isinstance(items, Sized) else None
    if count is not None:
        report(0, count, message)
    for done, item in enumerate(items, start=1):
        yield item
        if count is None:
            report(message=message)
        else:
            report(done, count)
