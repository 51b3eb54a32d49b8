"""Words of a text with their places in it, and shingles of three words (pure)."""

import re
import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

SHINGLE = 3
MOST_WORDS = 2_000
"""Words of one review that are compared; a longer text is compared by its beginning."""

_UNSPACED = "\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"(?P<unspaced>[{_UNSPACED}])|[^\W_{_UNSPACED}]+(?:['’][^\W_{_UNSPACED}]+)*")


@dataclass(frozen=True, slots=True)
class Words:
    """Words of one text, folded, and where each lies in it."""

    words: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    length: float
    """In words of a spaced script; a character of an unspaced one is a word here and half a word long."""


def words_of(text: str) -> Words:
    """The words in reading order, without punctuation."""
    found: list[str] = []
    spans: list[tuple[int, int]] = []
    halves = 0
    for match in _WORD.finditer(text):
        word = match[0] if match[0].isascii() else unicodedata.normalize("NFKC", match[0]).replace("’", "'")
        found.append(word.casefold())
        spans.append(match.span())
        halves += match["unspaced"] is not None
        if len(found) == MOST_WORDS:
            break
    return Words(tuple(found), tuple(spans), len(found) - halves / 2)


def shingles_of(words: Sequence[str]) -> list[int]:
    """A number for each run of three words, in reading order; equal runs have equal ones on any machine."""
    runs = (" ".join(words[i : i + SHINGLE]) for i in range(len(words) - SHINGLE + 1))
    return [zlib.crc32(run.encode("utf-8", "replace")) for run in runs]
