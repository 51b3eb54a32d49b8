"""Check for stars that contradict the text: a weak sign, as people also click the wrong star (pure).

The phrases are few, English and unambiguous, and published so that every sign can be traced.
"""

import re
from collections.abc import Sequence

from outlast_reviews.checks.finding import Advance, Finding, Sign
from outlast_reviews.formatting import counted
from outlast_reviews.progress import counted_progress
from outlast_reviews.review import Review

_PRAISE = (
    "absolutely love", "amazing", "awesome", "best purchase", "could not be happier", "couldn't be happier",
    "excellent", "exceeded my expectations", "fantastic", "five stars", "great product", "highly recommend",
    "highly recommended", "i love it", "love it", "love this", "love these", "outstanding", "perfect", "superb",
    "very happy with", "very pleased", "wonderful", "works great", "works perfectly", "worth every penny",
)  # fmt: skip
_COMPLAINT = (
    "avoid this", "complete waste", "defective", "do not buy", "do not recommend", "don't buy", "don't recommend",
    "don't waste your", "fell apart", "garbage", "horrible", "i returned it", "i want my money back", "is junk",
    "never buy again", "not worth the money", "one star", "piece of junk", "poor quality", "returned it",
    "stay away", "stopped working", "terrible", "total waste", "useless", "very disappointed", "waste of money",
    "worst", "would not recommend", "zero stars",
)  # fmt: skip
_DOUBT = (
    "but", "however", "although", "though", "except", "unfortunately", "only complaint", "not", "no", "never",
    "nothing", "without", "hardly", "until", "if", "than", "other", "others", "previous", "old", "first", "last",
    "another", "compared", "would be", "used to", "isn't", "wasn't", "didn't", "doesn't", "don't", "won't",
    "can't", "couldn't", "wouldn't",
)  # fmt: skip
_ENGLISH = frozenset(
    {"a", "and", "are", "as", "at", "be", "for", "from", "have", "i", "in", "is", "it", "my", "of", "on", "so"}
    | {"that", "the", "them", "they", "this", "to", "very", "was", "we", "with", "you"}
)
LEAST_ENGLISH = 0.2
"""Share of a text's words that are among the thirty commonest English ones."""


def _any_of(phrases: tuple[str, ...]) -> re.Pattern[str]:
    longest_first = sorted(phrases, key=lambda phrase: (-len(phrase), phrase))
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, longest_first))})\b", re.IGNORECASE)


PRAISE, COMPLAINT, DOUBT = _any_of(_PRAISE), _any_of(_COMPLAINT), _any_of(_DOUBT)
"""`DOUBT` holds the words that may turn praise or complaint round; any of them ends the comparison."""


def is_english(text: str) -> bool:
    words = re.findall(r"[^\W\d_]+", text[:2_000].casefold())
    return len(words) >= 5 and sum(word in _ENGLISH for word in words) >= LEAST_ENGLISH * len(words)


NAME, TITLE = "stars_text", "Stars that don't fit the text"
LEAST_REVIEWS = 20
LEAST_PHRASES = 2
"""Different ones that must speak against the stars, with none for them."""
_LONGEST_TEXT = 5_000


def stars_text(reviews: Sequence[Review], advance: Advance, /) -> Finding:
    """Only for texts in English, by a published list of phrases; silent wherever a text weighs up."""
    compared = 0
    signs: list[Sign] = []
    for review in counted_progress(reviews, advance):
        if review.rating is None or not is_english(review.text):
            continue
        compared += 1
        if sign := _sign(review, review.rating):
            signs.append(sign)
    if compared < LEAST_REVIEWS:
        many = f"Only {compared} review{' has' if compared == 1 else 's have'}" if compared else "No review has"
        why = f"{many} stars and an English text; we need at least {LEAST_REVIEWS}."
        return Finding(NAME, TITLE, "not_assessed", why)
    if not signs:
        return Finding(
            NAME, TITLE, "clear", f"No review's text contradicts its stars ({counted(compared, 'English text')})."
        )
    say = "text says" if len(signs) == 1 else "texts say"
    sentence = (
        f"{len(signs):,} of {compared:,} English {say} the opposite of the stars. People click the wrong star"
        " too, so this doesn't count on its own."
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
    return Sign(review.row, "weak", f"Gives {given}, but the text is {said}.", quotes)


def _weighs_up(text: str, phrases: re.Pattern[str]) -> bool:
    """Whether anything beside the phrases themselves could turn their meaning."""
    return DOUBT.search(phrases.sub(" ", text)) is not None
