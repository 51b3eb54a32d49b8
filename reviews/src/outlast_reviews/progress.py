"""The progress of work on many things, as its caller wants to hear of it."""

from collections.abc import Callable, Collection, Iterator
from typing import TypeVar

T = TypeVar("T")
Progress = Callable[[int, int], None]
"""Called with how many are done, and of how many."""
_EVERY = 256


def ignore_progress(*_: object) -> None:
    """Discard the progress, whatever it consists of."""


def counted_progress(items: Collection[T], advance: Callable[[float], None]) -> Iterator[T]:
    """Yield the items, and say every few hundred which share of them is done."""
    for n, item in enumerate(items):
        if n % _EVERY == 0:
            advance(n / len(items))
        yield item
