"""Measures how many planted copies are found in each of six languages, among generated honest reviews (pure)."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from outlast_reviews.checks.near_copies import STRONG_WORDS, near_copies
from outlast_reviews.checks.words import words_of
from outlast_reviews.evaluate.figures import Figure, share
from outlast_reviews.invented.languages import LANGUAGES, Language, honest_reviews
from outlast_reviews.progress import ignore_progress
from outlast_reviews.review import Review

EDITS = (0.0, 0.05, 0.1)
"""Shares of the words changed; of the characters, in a script without spaces."""
SIZE = 20
PRODUCT = 500
"""Honest reviews of one product at most."""
_SAMPLED = 100
"""Reviews whose words take the place of those changed."""


@dataclass(frozen=True, slots=True)
class LanguageFigures:
    """By the name of the language."""

    reviews: int
    """Honest ones in each language."""
    copies: Mapping[tuple[str, float], Figure]
    """And by the share of words changed: planted copies with a strong sign."""
    false_copies: Mapping[str, Figure]
    """Honest reviews with a strong sign where nothing is planted."""
    beside_copies: Mapping[str, Figure]
    """The same beside planted copies, of which some share whole sentences by chance."""


def evaluate_languages(count: int, progress: Callable[[int, int, str], None]) -> LanguageFigures:
    """`count` reviews in each language, in products of 500, and 20 copies in each; always the same answer."""
    sizes = [min(PRODUCT, count - start) for start in range(0, count, PRODUCT)]
    found: dict[tuple[str, float], list[tuple[int, int]]] = {}
    false: dict[str, list[tuple[int, int]]] = {}
    beside: dict[str, list[tuple[int, int]]] = {}
    done, total = 0, len(LANGUAGES) * len(sizes)
    for language in LANGUAGES:
        for product, size in enumerate(sizes):
            reviews = list(honest_reviews(language, size, product))
            false.setdefault(language.name, []).append((len(_strong(reviews)), size))
            for edits in EDITS:
                copies = _copies(language, reviews, edits, product)
                strong = _strong([*reviews, *copies])
                planted = {review.row for review in copies}
                found.setdefault((language.name, edits), []).append((len(strong & planted), SIZE))
                beside.setdefault(language.name, []).append((len(strong - planted), size))
            done += 1
            progress(done, total, f"Planting copies in {language.name}")
    return LanguageFigures(
        count,
        {key: _sum(pairs) for key, pairs in found.items()},
        {name: _sum(pairs) for name, pairs in false.items()},
        {name: _sum(pairs) for name, pairs in beside.items()},
    )


def _sum(pairs: Sequence[tuple[int, int]]) -> Figure:
    return share(sum(part for part, _ in pairs), sum(whole for _, whole in pairs))


def _copies(language: Language, reviews: Sequence[Review], edits: float, seed: int) -> list[Review]:
    """Of one text without formulas, from the twelve words on that make copies a strong sign."""
    rng = random.Random(f"{language.name}/{edits}/{seed}")  # noqa: S311 - no secret, and always the same
    text = ""
    while words_of(text).length < STRONG_WORDS:
        text = language.text(rng, formulas=False)
    spare = [word for review in reviews[:_SAMPLED] for word in language.words(review.text)]
    words = language.words(text)
    return [
        Review(
            row=len(reviews) + n,
            text=language.joined([rng.choice(spare) if rng.random() < edits else word for word in words]),
            reviewer=f"Invented Copier {n}",
            rating=5.0,
        )
        for n in range(1, SIZE + 1)
    ]


def _strong(reviews: Sequence[Review]) -> frozenset[int]:
    return frozenset(sign.row for sign in near_copies(reviews, ignore_progress).signs if sign.strength == "strong")
