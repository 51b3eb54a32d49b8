"""Check for passages of the seller's description: a weak sign, as customers quote it too (pure)."""

from collections.abc import Sequence

from outlast import message, plural
from outlast_reviews.checks.facts import ReviewFacts
from outlast_reviews.checks.finding import Advance, Finding, Sign
from outlast_reviews.checks.words import SHINGLE, shingles_of, spans_of, words_of
from outlast_reviews.progress import counted_progress
from outlast_reviews.review import Review

NAME, TITLE = "marketing_text", message("The seller's own words")
LEAST_DESCRIPTION = 20
"""Words that a description must have to be compared with."""
LEAST_RUN = 10
"""Words in a row that are the description's; names of models and features are shorter."""

_SENTENCE = message("Repeats a passage of the seller's description.")


def marketing_text(reviews: Sequence[Review], advance: Advance, /, facts: ReviewFacts) -> Finding:
    """Without the product's own description it is not assessed."""
    seller_words = words_of(facts.description)
    if seller_words.length < LEAST_DESCRIPTION:
        return Finding(NAME, TITLE, "not_assessed", message("No product description to compare with."))
    described = frozenset(shingles_of(seller_words.words))
    texts = 0
    signs: list[Sign] = []
    for review in counted_progress(reviews, advance):
        texts += bool(review.text.strip())
        if quote := _longest_run(review.text, described):
            signs.append(Sign(review.row, "weak", _SENTENCE, (quote,)))
    if not texts:
        why = message("There are no texts to compare with the description.")
        return Finding(NAME, TITLE, "not_assessed", why)
    if not signs:
        sentence = plural(
            "The one text doesn't repeat {least} words in a row from the seller's description.",
            "None of {n:,} texts repeats {least} words in a row from the seller's description.",
            texts,
            least=LEAST_RUN,
        )
        return Finding(NAME, TITLE, "clear", sentence)
    sentence = plural(
        "{n:,} of {texts:,} texts repeats a passage of the seller's description. Customers quote it too, so this"
        " doesn't count on its own.",
        "{n:,} of {texts:,} texts repeat a passage of the seller's description. Customers quote it too, so this"
        " doesn't count on its own.",
        len(signs),
        texts=texts,
    )
    return Finding(NAME, TITLE, "found", sentence, tuple(signs))


def _longest_run(text: str, described: frozenset[int]) -> str | None:
    """The longest passage of at least ten words whose every run of three is the description's."""
    words = words_of(text)
    best, start = (0, 0), None
    for n, shingle in enumerate([*shingles_of(words.words), None]):
        if shingle in described:
            start = n if start is None else start
        elif start is not None:
            end = n - 1 + SHINGLE
            best = max(best, (end - start, -start))
            start = None
    length, first = best[0], -best[1]
    if length < LEAST_RUN:
        return None
    spans = spans_of(text)
    return text[spans[first][0] : spans[first + length - 1][1]]
