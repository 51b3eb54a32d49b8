"""Words of a text, their spans, and shingles of three words (pure)."""

import re
import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

SHINGLE = 3
MOST_WORDS = 2_000
"""Words of one review that are compared; a longer text is compared by its beginning."""

_UNSPACED = "\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"(?P<unspaced>[{_UNSPACED}])|[^\W_{_UNSPACED}]+(?:['’][^\W_{_UNSPACED}]+)*")
_ASCII_WORD = re.compile(r"[a-z0-9]+(?:'[a-z0-9]+)*")
"""The same of a text in small ASCII letters, several times as quick."""
_FIRST, _SECOND, _THIRD, _ALL = 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0xFFFFFFFF
"""Odd numbers that spread the places of a run over all numbers of 32 bits (those of xxHash)."""
_CACHE_SIZE = 100_000
_LONGEST_CACHED = 40
"""Characters: longer words come once, and would fill the memory."""


@dataclass(frozen=True, slots=True)
class Words:
    """Words of one text, folded."""

    words: Sequence[str]
    length: float
    """In words of a spaced script; a character of an unspaced one is a word here and half a word long."""


def words_of(text: str) -> Words:
    """The words in reading order, without punctuation."""
    if text.isascii():
        words = _ASCII_WORD.findall(text.lower())[:MOST_WORDS]
        return Words(words, len(words))
    found: list[str] = []
    halves = 0
    for match in _WORD.finditer(text):
        word = match[0] if match[0].isascii() else unicodedata.normalize("NFKC", match[0]).replace("’", "'")
        found.append(word.casefold())
        halves += match["unspaced"] is not None
        if len(found) == MOST_WORDS:
            break
    return Words(found, len(found) - halves / 2)


def spans_of(text: str) -> list[tuple[int, int]]:
    """Where each of these words begins and ends in the text."""
    return [match.span() for match in _WORD.finditer(text)][:MOST_WORDS]


def shingles_of(words: Sequence[str]) -> list[int]:
    """A number for each run of three words, in reading order; equal runs have equal ones on any machine."""
    numbers = [_number(word) for word in words]
    return [
        (one * _FIRST + two * _SECOND + three * _THIRD) & _ALL
        for one, two, three in zip(numbers, numbers[1:], numbers[2:], strict=False)
    ]


def _number(word: str) -> int:
    return _cached_number(word) if len(word) <= _LONGEST_CACHED else _new_number(word)


@lru_cache(_CACHE_SIZE)
def _cached_number(word: str) -> int:
    return _new_number(word)


def _new_number(word: str) -> int:
    return zlib.crc32(word.encode("utf-8", "replace"))
