"""Finds formulas, which many writers put around words of their own, such as thanks for the quick delivery (pure).

A formula is no copied text. A sentence of a copied text is repeated together with the sentences beside it; those
beside a formula differ from writer to writer.
"""

import heapq
import itertools
import re
import zlib
from collections import defaultdict
from collections.abc import Collection, Sequence

from outlast_reviews.checks.finding import Advance, part_of
from outlast_reviews.checks.words import words_of
from outlast_reviews.progress import counted_progress

LEAST_TEXTS = 3
"""Texts that have a sentence in common before it can be a formula."""
ALIKE = 0.4
"""Jaccard similarity of words and pairs of words beside a sentence, from which on two texts are alike."""
MOST_ALIKE = 0.5
"""Share of the texts of a formula that may be like one of them beside it."""
LEAST_WORDS = 4
"""Words of a formula; a text needs as many beside it to be compared."""
LEAST_BESIDE = 2 * LEAST_WORDS - 1
"""The same in words and pairs."""
MOST_COMPARED = 24
"""Texts of one sentence that are compared with each other."""
MOST_SENTENCES = 60
"""Sentences of one text that are looked at."""
_MOST_UNITS = 128
"""Words and pairs of one text that are compared, chosen by their hashes (a bottom-k sketch)."""
_SENTENCE = re.compile(r"[^.!?。！？…\n]+[.!?。！？…]*")

Sentence = tuple[str, ...]
"""Its words, folded."""


def sentences_of(text: str) -> list[tuple[Sentence, tuple[int, int]]]:
    """Return the sentences that have words, each with its span in the text."""
    found: list[tuple[Sentence, tuple[int, int]]] = []
    for match in _SENTENCE.finditer(text):
        if words := tuple(words_of(match[0]).words):
            found.append((words, match.span()))
        if len(found) == MOST_SENTENCES:
            break
    return found


def formulas_in(texts: Sequence[str], advance: Advance = lambda _share: None) -> frozenset[Sentence]:
    """Return the formulas among these texts, of which each writer has one; their order has no meaning."""
    texts_of: defaultdict[Sentence, list[int]] = defaultdict(list)
    for n, text in enumerate(counted_progress(texts, part_of(advance, 0, 1 / 2))):
        for sentence in dict.fromkeys(words for words, _ in sentences_of(text)):
            texts_of[sentence].append(n)
    sketches: dict[int, frozenset[int]] = {}
    formulas: set[Sentence] = set()
    for sentence, found in counted_progress(texts_of.items(), part_of(advance, 1 / 2, 1)):
        if len(found) >= LEAST_TEXTS and len(sentence) >= LEAST_WORDS:
            compared = found[:MOST_COMPARED]
            for n in compared:
                if n not in sketches:
                    sketches[n] = _sketch(texts[n])
            own = _units(sentence)
            if _differ([sketches[n] - own for n in compared]):
                formulas.add(sentence)
    return frozenset(formulas)


def without_formulas(text: str, formulas: Collection[Sentence]) -> str:
    """Replace the formulas in a text by spaces, so that the places of the rest do not change."""
    if not formulas:
        return text
    for words, (start, end) in sentences_of(text):
        if words in formulas:
            text = f"{text[:start]}{' ' * (end - start)}{text[end:]}"
    return text


def _differ(beside: Sequence[frozenset[int]]) -> bool:
    """Return whether most of the different texts say more than the sentence, and none what most others say."""
    different = set(beside)
    if 2 * sum(len(rest) >= LEAST_BESIDE for rest in different) <= len(different):
        return False
    told = [rest for rest in beside if len(rest) >= LEAST_BESIDE]
    most = max(sum(len(one & other) >= ALIKE * len(one | other) for other in told) for one in told)
    return most <= max(1, MOST_ALIKE * len(told))


def _sketch(text: str) -> frozenset[int]:
    units = {unit for sentence, _ in sentences_of(text) for unit in _units(sentence)}
    return frozenset(units if len(units) <= _MOST_UNITS else heapq.nsmallest(_MOST_UNITS, units))


def _units(sentence: Sentence) -> frozenset[int]:
    """Numbers for its words and pairs of neighbouring words; where characters are words, for the pairs."""
    pairs = tuple(map(" ".join, itertools.pairwise(sentence)))
    units = pairs if all(len(word) == 1 for word in sentence) else (*sentence, *pairs)
    return frozenset(zlib.crc32(unit.encode("utf-8", "replace")) for unit in units)
