"""Check for incentivised reviews, by their own words or the shop's flag (pure)."""

import re
from collections.abc import Sequence
from itertools import islice

from outlast import message, plural
from outlast_reviews.checks.disclosures import disclosure
from outlast_reviews.checks.finding import Advance, Finding, Sign
from outlast_reviews.checks.words import words_of
from outlast_reviews.progress import counted_progress
from outlast_reviews.review import Review

NAME, TITLE = "incentive", message("Rewarded reviews")

LEAST_WORDS = 8
"""Words that a text needs for its language to be detected."""
LEAST_COMMON = 0.15
"""Share of a text's words that are among the commonest of one language."""
LOOKED_AT = 1_000
"""Texts sampled: the first that are long enough."""
_JAPANESE = re.compile("[\u3040-\u30ff]")
_COMMONEST = tuple(
    frozenset(words.split())
    for words in (
        "the and a to i it is this for of in my was that with on have you very but so not they as",
        "und die der das ich ist es nicht sehr mit zu ein eine auf für den im war von wie aber auch gut",
        "de la le et les je est pas un une pour très en à des que ce il qui du avec bien mais",
        "de la que el en y es muy no un una para con lo los se me por las su al pero bien",
        "di e che il la è un per non una in molto con sono mi ho le si da ma anche come del",
        "de e que o a não é um uma para com muito em do da os as me por mas bem no na",
        "de en het een is ik niet van op te dat voor met zijn er maar heel erg goed ook wel",
        "i w na to się nie jest z do że bardzo o jak po ale dla są mi już co",
        "och det är jag en som på i inte med för den att av så mycket bra till ett har men",
    )
)


_IN_TEXT = message("Its text says that the writer got something for it.")
_BY_SHOP = message("The shop marks it as rewarded.")


def mostly_known(texts: Sequence[str]) -> bool:
    """Whether half of the texts that show their language are in one of them; also where none shows it."""
    flags = list(islice((known for text in texts if (known := _known(text)) is not None), LOOKED_AT))
    return 2 * sum(flags) >= len(flags)


def _known(text: str) -> bool | None:
    """`None`: too few words to tell."""
    if _JAPANESE.search(text):
        return True
    words = words_of(text).words
    if len(words) < LEAST_WORDS:
        return None
    return any(sum(word in common for word in words) >= LEAST_COMMON * len(words) for common in _COMMONEST)


def incentive(reviews: Sequence[Review], advance: Advance, /) -> Finding:
    """Incentivised is not fake: these reviews are counted apart."""
    flagged = any(review.incentivised is not None for review in reviews)
    texts = [review.text for review in reviews if review.text.strip()]
    if not flagged and not texts:
        why = message("There are no texts, and the source doesn't say.")
        return Finding(NAME, TITLE, "not_assessed", why)
    signs = tuple(sign for review in counted_progress(reviews, advance) if (sign := _sign(review)))
    if not signs and not flagged and not mostly_known(texts):
        why = message("Most texts are in a language in which we can't recognise rewards yet.")
        return Finding(NAME, TITLE, "not_assessed", why)
    if not signs:
        sentence = (
            message(
                "No text mentions a reward ({texts:,} read) and the source marks none.",
                texts=len(texts),
            )
            if flagged
            else message("No text mentions a reward ({texts:,} read).", texts=len(texts))
        )
        return Finding(NAME, TITLE, "clear", sentence)
    sentence = plural(
        "One review says, or the shop says, that the writer got something for it. We count it separately, not as"
        " suspicious.",
        "{n:,} reviews say, or the shop says, that the writer got something for it. We count them separately, not"
        " as suspicious.",
        len(signs),
    )
    return Finding(NAME, TITLE, "found", sentence, signs)


def _sign(review: Review) -> Sign | None:
    quote = disclosure(review.text, stars=review.rating)
    if quote:
        return Sign(review.row, "medium", _IN_TEXT, (quote,), "incentivised")
    if review.incentivised:
        return Sign(review.row, "medium", _BY_SHOP, (), "incentivised")
    return None
