"""The sample: reviews of a lamp that does not exist, with planted copies, to see a full report at once (pure)."""

import csv
import datetime as dt
import io
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from outlast import message
from outlast_reviews.checks.disclosures import without_disclosures
from outlast_reviews.checks.words import shingles_of, words_of
from outlast_reviews.invented import phrases
from outlast_reviews.review import Review, ReviewSet

SAMPLE = "sample:"
"""The address that stands for it wherever a source is given."""
HONEST, COPIES, REPEATED = 240, 70, 9
"""How many reviews of each kind; the repeated ones are rows that the file holds twice."""
START, DAYS = dt.date(2025, 9, 1), 280
CAMPAIGN, CAMPAIGN_DAYS = dt.date(2026, 2, 10), 4
_STARS = (5,) * 50 + (4,) * 22 + (3,) * 12 + (2,) * 7 + (1,) * 9
_MOST_ALIKE = 0.2
"""Share of three-word runs that two honest reviews may have in common."""
COLUMNS = ("review_id", "product_title", "reviewer", "rating", "date", "title", "text", "verified", "vine")


def sample_reviews() -> ReviewSet:
    """Always the same; every text, name and number in it is invented."""
    rng = random.Random("lanternfish")  # noqa: S311 - no secret, and always the same
    texts = _Texts(rng)
    reviews = [*_honest(texts, rng), *_copies(rng), *_rewarded(texts, rng)]
    reviews += [replace(review) for review in rng.sample(reviews[:HONEST], REPEATED)]
    reviews.sort(key=lambda review: (review.date or START, review.reviewer or "", review.text))
    ids = {(review.reviewer, review.text): f"L{n:04d}" for n, review in enumerate(reviews, start=1)}
    numbered = [
        replace(review, row=n, review_id=ids[review.reviewer, review.text])
        for n, review in enumerate(reviews, start=1)
    ]
    return ReviewSet(tuple(numbered), format=message("invented sample"), product_title=phrases.PRODUCT)


def sample_csv() -> str:
    """The same as a file that any importer of reviews can read."""
    made = sample_reviews()
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for review in made.reviews:
        writer.writerow(
            [
                review.review_id,
                made.product_title,
                review.reviewer,
                f"{review.rating:.0f}",
                review.date,
                review.title,
                review.text,
                "yes" if review.verified else "no",
                "yes" if review.incentivised else "no",
            ]
        )
    return out.getvalue()


class _Texts:
    """Generates texts, and rejects those too similar to earlier ones."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._leads: dict[int, list[int]] = {}
        self._sizes: list[int] = []

    def new(self, stars: int, ending: str = "") -> str:
        while True:
            text = f"{_text(stars, self._rng)} {ending}".strip()
            if self._keep(set(shingles_of(words_of(without_disclosures(text)).words))):
                return text

    def _keep(self, shingles: set[int]) -> bool:
        shared = Counter(other for shingle in shingles for other in self._leads.get(shingle, ()))
        if any(n > _MOST_ALIKE * (len(shingles) + self._sizes[other] - n) for other, n in shared.items()):
            return False
        for shingle in shingles:
            self._leads.setdefault(shingle, []).append(len(self._sizes))
        self._sizes.append(len(shingles))
        return True


def _honest(texts: _Texts, rng: random.Random) -> Iterator[Review]:
    names = _names(rng)
    for _ in range(HONEST):
        stars = rng.choice(_STARS)
        day = START + dt.timedelta(days=rng.randrange(DAYS))
        verified, vine = rng.random() < 0.94, rng.random() < 0.01
        yield _review(next(names), stars, day, texts.new(stars), rng, verified=verified, vine=vine)


def _text(stars: int, rng: random.Random) -> str:
    good = {5: 3, 4: 2, 3: 1, 2: 1, 1: 0}[stars] + rng.randrange(2)
    bad = {5: 0, 4: 1, 3: 2, 2: 2, 1: 3}[stars]
    parts = [rng.choice(phrases.OPENINGS)] if rng.random() < 0.7 else []
    parts += rng.sample(phrases.GOOD, good) + rng.sample(phrases.BAD, bad)
    parts += [rng.choice(phrases.CLOSINGS)] if rng.random() < 0.5 else []
    return " ".join(_filled(part, rng) for part in parts)


def _filled(part: str, rng: random.Random) -> str:
    choices = {
        **phrases.FILLINGS,
        "place": phrases.PLACES,
        "span": phrases.SPANS,
        "compared": phrases.COMPARED,
    }
    return part.format_map({name: rng.choice(options) for name, options in choices.items()})


def _copies(rng: random.Random) -> Iterator[Review]:
    """The planted campaign: one text under many names, on four days, all with five stars."""
    words = phrases.COPIED.split()
    spare = sorted({word for part in phrases.GOOD for word in part.lower().split() if word.isalpha()})
    names = _names(rng)
    for _ in range(COPIES):
        copy: list[str] = list(words)
        for at in rng.sample(range(len(copy)), rng.randrange(5)):
            copy[at] = rng.choice(spare)
        day = CAMPAIGN + dt.timedelta(days=rng.randrange(CAMPAIGN_DAYS))
        yield _review(next(names), 5, day, " ".join(copy), rng, verified=rng.random() < 0.6, vine=False)


def _rewarded(texts: _Texts, rng: random.Random) -> Iterator[Review]:
    names = _names(rng)
    for n, ending in enumerate(phrases.IN_RETURN):
        day = START + dt.timedelta(days=rng.randrange(DAYS))
        text = texts.new(4, ending)
        yield _review(next(names), 5 - n % 2, day, text, rng, verified=False, vine=n % 2 == 0)


def _review(
    name: str, stars: int, day: dt.date, text: str, rng: random.Random, *, verified: bool, vine: bool
) -> Review:
    title = rng.choice(phrases.TITLES[stars])
    return Review(0, None, float(stars), day, title, text, name, verified, vine)


def _names(rng: random.Random) -> Iterator[str]:
    pairs = [f"{first} {last}" for first in phrases.FIRST_NAMES for last in phrases.LAST_NAMES]
    yield from rng.sample(pairs, len(pairs))
