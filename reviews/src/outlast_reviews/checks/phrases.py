"""Matches phrases of several parts with bounded gaps, in linear time (pure).

A regular expression with bounded gaps is linear as well, but multiplies the bounds of its gaps with each other.
Here each part is searched for once, and gaps are looked up.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Alternatives = tuple[str, ...]
"""Alternatives in small letters. Where one begins or ends with a letter of a spaced script, so does a word."""
Gap = int | re.Pattern[str]
"""At most so many characters of the same sentence, or exactly what a pattern matches."""

SENTENCE = ".!?\n"
"""Characters that end a sentence."""
SENTENCE_OF_KANJI = "。！？\n"
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class Phrase:
    """The first part, then for each further part the gap before it."""

    first: Alternatives
    rest: tuple[tuple[Gap, Alternatives], ...] = ()
    ends: str = SENTENCE
    """Characters that no gap may have in it."""

    @property
    def parts(self) -> tuple[Alternatives, ...]:
        return (self.first, *(part for _, part in self.rest))


class SearchedText:
    """A text that caches the occurrences of each part across phrases."""

    def __init__(self, text: str) -> None:
        # İ is the only letter that has another length in small letters
        self._text = text.replace("İ", "I").lower()
        self._spans: dict[Alternatives, list[tuple[int, int]]] = {}
        self._ends: dict[str, list[int]] = {}

    def spans(self, phrase: Phrase) -> Iterator[tuple[int, int]]:
        """Yield the spans of the phrase from left to right, without overlaps."""
        if not all(map(self._spans_of, phrase.parts)):
            return
        found = self._spans_of(phrase.parts[-1])
        ends = self._sentence_ends(phrase.ends)
        for (gap, _), part in zip(reversed(phrase.rest), reversed(phrase.parts[:-1]), strict=True):
            found = self._before(self._spans_of(part), gap, found, ends)
        done = 0
        for start, end in found:
            if start >= done:
                yield start, end
                done = end

    def _before(
        self,
        spans: Sequence[tuple[int, int]],
        gap: Gap,
        following: Sequence[tuple[int, int]],
        ends: Sequence[int],
    ) -> list[tuple[int, int]]:
        """Join each span with a following one that the gap allows."""
        starts = [start for start, _ in following]
        joined: list[tuple[int, int]] = []
        for start, end in spans:
            if isinstance(gap, int):
                nearest, sentence = end, bisect_left(ends, end)
                farthest = min(end + gap, ends[sentence] if sentence < len(ends) else end + gap)
            elif between := gap.match(self._text, end):
                nearest = farthest = between.end()
            else:
                continue
            at = bisect_left(starts, nearest)
            if at < len(starts) and starts[at] <= farthest:
                joined.append((start, following[at][1]))
        return joined

    def _spans_of(self, part: Alternatives) -> list[tuple[int, int]]:
        if part not in self._spans:
            self._spans[part] = sorted(
                span for words in part if words in self._text for span in self._occurrences(words)
            )
        return self._spans[part]

    def _occurrences(self, words: str) -> Iterator[tuple[int, int]]:
        text = self._text
        begins, ends = _is_spaced(words[0]), _is_spaced(words[-1])
        at = text.find(words)
        while at >= 0:
            end = at + len(words)
            if not (begins and at and _in_word(text[at - 1])) and not (
                ends and end < len(text) and _in_word(text[end])
            ):
                yield at, end
            at = text.find(words, at + 1)

    def _sentence_ends(self, characters: str) -> Sequence[int]:
        if characters not in self._ends:
            pattern = f"[{re.escape(characters)}]"
            self._ends[characters] = [match.start() for match in re.finditer(pattern, self._text)]
        return self._ends[characters]


def _in_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _is_spaced(character: str) -> bool:
    return _in_word(character) and not _UNSPACED.match(character)
