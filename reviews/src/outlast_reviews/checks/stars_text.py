"""Check for stars that contradict the text: a weak sign, as people also click the wrong star (pure).

The phrases are few, English and unambiguous, and published so that every sign can be traced.
"""

import re
from collections.abc import Sequence

from outlast import message, plural
from outlast_reviews.checks.finding import Advance, Finding, Sign, too_few
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


NAME, TITLE = "stars_text", message("Stars that don't fit the text")
LEAST_REVIEWS = 20
LEAST_PHRASES = 2
"""Different ones that must speak against the stars, with none for them."""
_LONGEST_TEXT = 5_000
_FIVE_STARS = message("Gives five stars, but the text is nothing but complaint.")
_ONE_STAR = message("Gives one star, but the text is nothing but praise.")


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
        why = (
            too_few(compared, message("stars and an English text"), LEAST_REVIEWS)
            if compared
            else message("No review has stars and an English text; we need at least {least}.", least=LEAST_REVIEWS)
        )
        return Finding(NAME, TITLE, "not_assessed", why)
    if not signs:
        sentence = message("No review's text contradicts its stars ({texts:,} English texts).", texts=compared)
        return Finding(NAME, TITLE, "clear", sentence)
    sentence = plural(
        "{n:,} of {texts:,} English texts says the opposite of the stars. People click the wrong star too, so this"
        " doesn't count on its own.",
        "{n:,} of {texts:,} English texts say the opposite of the stars. People click the wrong star too, so this"
        " doesn't count on its own.",
        len(signs),
        texts=compared,
    )
    return Finding(NAME, TITLE, "found", sentence, tuple(signs))


def _sign(review: Review, rating: float) -> Sign | None:
    text = review.text[:_LONGEST_TEXT]
    if rating >= 5:
        against, agreeing, sentence = COMPLAINT, PRAISE, _FIVE_STARS
    elif rating <= 1:
        against, agreeing, sentence = PRAISE, COMPLAINT, _ONE_STAR
    else:
        return None
    phrases = {match[0].casefold(): match[0] for match in against.finditer(text)}
    if len(phrases) < LEAST_PHRASES or agreeing.search(text) or _weighs_up(text, against):
        return None
    return Sign(review.row, "weak", sentence, tuple(phrases.values()))


def _weighs_up(text: str, phrases: re.Pattern[str]) -> bool:
    """Whether anything beside the phrases themselves could turn their meaning."""
    return DOUBT.search(phrases.sub(" ", text)) is not None
