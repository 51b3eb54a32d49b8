"""Remembers what a function of one text answered, in a number of bytes that is known."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

T = TypeVar("T")


def text_cache(entries: int, longest: int) -> Callable[[Callable[[str], T]], Callable[[str], T]]:
    """As `lru_cache(entries)`; texts of more than `longest` characters are not kept, as strangers make them."""

    def decorate(function: Callable[[str], T]) -> Callable[[str], T]:
        remembered = lru_cache(entries)(function)

        @wraps(function)
        def answer(text: str) -> T:
            return remembered(text) if len(text) <= longest else function(text)

        return answer

    return decorate
