"""A cache decorator for functions of one string, bounded by the number and the length of its texts."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

T = TypeVar("T")


def text_cache(entries: int, longest: int) -> Callable[[Callable[[str], T]], Callable[[str], T]]:
    """Like `lru_cache(entries)`, but does not cache texts of more than `longest` characters."""

    def decorate(function: Callable[[str], T]) -> Callable[[str], T]:
        remembered = lru_cache(entries)(function)

        @wraps(function)
        def answer(text: str) -> T:
            return remembered(text) if len(text) <= longest else function(text)

        return answer

    return decorate
