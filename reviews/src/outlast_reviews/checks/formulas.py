"""Finds formulas, which many writers put around words of their own, such as thanks for the quick delivery (pure).

A formula is no copied text. A sentence of a copied text is repeated together with the sentences beside it; those
beside a formula differ from writer to writer.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from outlast_reviews.checks.words import shingles_of, words_of

LEAST_TEXTS = 3
"""Texts that have a sentence in common before it can be a formula."""
MOST_ALIKE = 0.25
"""Jaccard similarity of what stands beside a sentence, from which on it is part of a copied text."""
MOST_COMPARED = 24
"""Texts of one sentence that are compared with each other."""
MOST_SENTENCES = 60
"""Sentences of one text that are looked at."""
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


def formulas_in(texts: Sequence[str]) -> frozenset[Sentence]:
    """Return the sentences that are formulas among these texts, one text for each writer."""
    sentences = [list(dict.fromkeys(words for words, _ in sentences_of(text))) for text in texts]
    texts_of: defaultdict[Sentence, list[int]] = defaultdict(list)
    for n, own in enumerate(sentences):
        for sentence in own:
            texts_of[sentence].append(n)
    frequent = {sentence: found for sentence, found in texts_of.items() if len(found) >= LEAST_TEXTS}
    beside: dict[int, frozenset[int]] = {}
    return frozenset(
        sentence for sentence, found in frequent.items() if _differ(found, sentences, frequent, beside)
    )


def without_formulas(text: str, formulas: Collection[Sentence]) -> str:
    """Replace the formulas in a text by spaces, so that the places of the rest do not change."""
    if not formulas:
        return text
    for words, (start, end) in sentences_of(text):
        if words in formulas:
            text = f"{text[:start]}{' ' * (end - start)}{text[end:]}"
    return text


def _differ(
    found: Sequence[int],
    sentences: Sequence[Sequence[Sentence]],
    frequent: Mapping[Sentence, Sequence[int]],
    beside: dict[int, frozenset[int]],
) -> bool:
    """Return whether most of these texts have words of their own beside their frequent sentences, all unlike."""
    for n in found[:MOST_COMPARED]:
        if n not in beside:
            own = [sentence for sentence in sentences[n] if sentence not in frequent]
            beside[n] = frozenset(shingle for sentence in own for shingle in shingles_of(sentence))
    compared = [beside[n] for n in found[:MOST_COMPARED]]
    own = [rest for rest in compared if rest]
    if 2 * len(own) <= len(compared):
        return False
    alike = sum(
        any(len(rest & other) >= MOST_ALIKE * len(rest | other) for m, other in enumerate(own) if m != n)
        for n, rest in enumerate(own)
    )
    return 4 * alike <= len(own)
