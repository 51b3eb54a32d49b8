"""Word list for comparing stars and text: few, English and unambiguous phrases (pure).

It is published so that every sign can be traced.
"""

import re

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
