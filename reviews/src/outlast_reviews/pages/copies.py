"""Collapses copies into one text, and for each of them only the words in which it differs (pure)."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

_ELLIPSIS = "…"
_CONTEXT = 2
"""Words shown on both sides of a difference."""
_OFTEN = 0.25
"""Share of the copies in which a word has to differ to be marked in the text that stands for all."""
_LEAST_ALIKE = 0.4
"""Below this similarity a copy is shown whole: its differences would be longer than its text."""

Kind = Literal["same", "added", "left out"]
Part = tuple[str, Kind]


@dataclass(frozen=True, slots=True)
class Copies:
    """One text that stands for several copies, and each copy as its differences from it."""

    text: tuple[tuple[str, bool], ...]
    """In parts; those marked differ in many of the copies."""
    differences: tuple[tuple[Part, ...], ...]
    """For each copy; empty where its words are the same."""


def collapsed(text: str, copies: Sequence[str]) -> Copies:
    """Compare every copy with the text that stands for all of them."""
    words = text.split()
    varied: Counter[int] = Counter()
    differences = tuple(
        () if (own := copy.split()) == words else tuple(_differences(words, own, varied)) for copy in copies
    )
    often = {at for at, count in varied.items() if count >= _OFTEN * len(copies)}
    return Copies(tuple(_marked(words, often)), differences)


def _differences(first: Sequence[str], other: Sequence[str], varied: Counter[int]) -> Iterator[Part]:
    matcher = SequenceMatcher(None, first, other, autojunk=False)
    if matcher.ratio() < _LEAST_ALIKE:
        yield " ".join(other), "added"
        return
    end = 0
    for tag, start, stop, at, to in matcher.get_opcodes():
        if tag == "equal" or _is_cut(first, start, stop) or _is_cut(other, at, to):
            continue
        varied.update(range(start, stop))
        before = max(at - _CONTEXT, end)
        if before > end or (before and not end):
            yield _ELLIPSIS, "same"
        yield from _part(other[before:at], "same")
        yield from _part(first[start:stop], "left out")
        yield from _part(other[at:to], "added")
        end = min(to + _CONTEXT, len(other), _next_difference(matcher, to))
        yield from _part(other[to:end], "same")
    if 0 < end < len(other):
        yield _ELLIPSIS, "same"


def _next_difference(matcher: SequenceMatcher[str], to: int) -> int:
    """Where the words that both have in common after `to` end."""
    return next((end for tag, _, _, at, end in matcher.get_opcodes() if tag == "equal" and at == to), to)


def _is_cut(words: Sequence[str], start: int, stop: int) -> bool:
    """Whether these words are missing elsewhere only because an excerpt begins or ends among them."""
    if start == stop:
        return False
    begins, ends = words[0].startswith(_ELLIPSIS), words[-1].endswith(_ELLIPSIS)
    return (begins and start == 0) or (ends and stop == len(words))


def _part(words: Sequence[str], kind: Kind) -> Iterator[Part]:
    if words:
        yield " ".join(words), kind


def _marked(words: Sequence[str], varied: set[int]) -> Iterator[tuple[str, bool]]:
    run: list[str] = []
    for at, word in enumerate(words):
        if run and (at in varied) != (at - 1 in varied):
            yield " ".join(run), at - 1 in varied
            run = []
        run.append(word)
    if run:
        yield " ".join(run), len(words) - 1 in varied
