"""Check for stars that contradict the text: a weak sign, as people also click the wrong star (pure)."""

import re
from collections.abc import Sequence

from outlast_reviews.checks.finding import Advance, Finding, Sign
from outlast_reviews.checks.lexicon import COMPLAINT, DOUBT, PRAISE, is_english
from outlast_reviews.review import Review

NAME, TITLE = "stars_text", "Stars that contradict the text"
LEAST_REVIEWS = 20
LEAST_PHRASES = 2
"""Different ones that must speak against the stars, with none for them."""
_LONGEST_TEXT = 5_000


def stars_text(reviews: Sequence[Review], advance: Advance, /) -> Finding:
    """Only for texts in English, by a published list of phrases; silent wherever a text weighs up."""
    compared = 0
    signs: list[Sign] = []
    for n, review in enumerate(reviews):
        if n % 256 == 0:
            advance(n / len(reviews))
        if review.rating is None or not is_english(review.text):
            continue
        compared += 1
        if sign := _sign(review, review.rating):
            signs.append(sign)
    if compared < LEAST_REVIEWS:
        why = f"Only {compared} reviews have stars and an English text; it takes {LEAST_REVIEWS}."
        return Finding(NAME, TITLE, "not_assessed", why)
    if not signs:
        return Finding(NAME, TITLE, "clear", f"In {compared:,} English texts none plainly contradicts its stars.")
    say = "text says" if len(signs) == 1 else "texts say"
    sentence = (
        f"{len(signs):,} of {compared:,} English {say} plainly the opposite of the stars. People click the wrong"
        " star too, so it does not count alone."
    )
    return Finding(NAME, TITLE, "found", sentence, tuple(signs))


def _sign(review: Review, rating: float) -> Sign | None:
    text = review.text[:_LONGEST_TEXT]
    if rating >= 5:
        against, agreeing, given, said = COMPLAINT, PRAISE, "five stars", "nothing but complaint"
    elif rating <= 1:
        against, agreeing, given, said = PRAISE, COMPLAINT, "one star", "nothing but praise"
    else:
        return None
    phrases = {match[0].casefold(): match[0] for match in against.finditer(text)}
    if len(phrases) < LEAST_PHRASES or agreeing.search(text) or _weighs_up(text, against):
        return None
    quotes = tuple(phrases.values())
    return Sign(review.row, "weak", f"Gives {given}, and its words are {said}.", quotes)


def _weighs_up(text: str, phrases: re.Pattern[str]) -> bool:
    """Whether anything beside the phrases themselves could turn their meaning."""
    return DOUBT.search(phrases.sub(" ", text)) is not None
