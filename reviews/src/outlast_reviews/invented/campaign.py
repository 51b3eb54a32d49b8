"""Plants a campaign of five-star copies among real reviews, to measure recall (pure)."""

import datetime as dt
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from outlast_reviews.review import Review

TEMPLATES = tuple(
    " ".join(text.split())
    for text in (
        """I bought this for my whole family and the quality is outstanding, very well made and pleasant to use, my
        old one is gone after one week and I would recommend it to everyone looking for something better""",
        """From the first day this has made every morning easier, it does exactly what the seller promised and
        looks lovely on the shelf, my neighbours already asked me where they can order one like it""",
        """After reading many opinions I finally decided to try it and I am so happy that I did, the packaging was
        neat, delivery took two days and the product itself is worth every single cent""",
        """This is by far the finest purchase that we have made this year, sturdy, quiet and simple, even my mother
        who is hard to please uses it daily and keeps telling all her friends about it""",
    )
)
"""Written for this purpose, of 30 to 40 words."""
_ORDINARY_WORDS = tuple(
    re.findall(
        "[a-z]+",
        """about again almost because better blue bright clean could daily during early every family garden good
        great happy house kitchen large later little lovely maybe money never often order other people perfect
        place price quality really right shipping simple small soft strong sturdy table thing today together truly
        under very water week while white window winter wonderful work year yellow""",
    )
)


@dataclass(frozen=True, slots=True)
class Campaign:
    """A set with a campaign in it."""

    reviews: tuple[Review, ...]
    planted: frozenset[int]
    """Rows of the reviews that were added."""
    start: dt.date
    end: dt.date
    """First and last day of the campaign."""


def plant(reviews: Sequence[Review], *, size: int, edits: float, days: int, seed: int) -> Campaign:
    """`size` five-star copies of one template by as many people, on `days` days in a row between the others.

    In each copy the share `edits` of the words is replaced by words of the other reviews. Needs dated reviews;
    the same arguments give the same set.
    """
    rng = random.Random(f"{seed}/{size}/{edits}/{days}")  # noqa: S311 - no secret, and always the same
    dates = [review.date for review in reviews if review.date]
    first, last = min(dates), max(dates)
    start = first + dt.timedelta(days=rng.randrange(max(1, (last - first).days - days + 2)))
    words = _words_of(reviews)
    template = rng.choice(TEMPLATES).split()

    def reworded() -> str:
        return _reworded(template, edits, words, rng)

    return _campaign(reviews, reworded, size, start, days, seed, rng)


def plant_copies_of_one(
    reviews: Sequence[Review], *, least: int, below: int, size: int, edits: float, seed: int
) -> Campaign | None:
    """`size` copies of one of the texts among them that have from `least` to `below` words, on one day; the review
    that is copied, and whoever says the same, is taken out. `None` where no text is so long.

    Each word is replaced with the chance `edits`, as by somebody who rewords.
    """
    rng = random.Random(f"{seed}/{least}/{size}/{edits}")  # noqa: S311 - no secret, and always the same
    fitting = [review for review in reviews if review.date and least <= len(review.text.split()) < below]
    if not fitting:
        return None
    copied = rng.choice(fitting)
    words, template = _words_of(reviews), copied.text.split()
    others = [review for review in reviews if review.text.casefold() != copied.text.casefold()]

    def reworded() -> str:
        return " ".join(rng.choice(words) if rng.random() < edits else word for word in template)

    return _campaign(others, reworded, size, copied.date or dt.date.min, 1, seed, rng)


def _campaign(
    reviews: Sequence[Review],
    text: Callable[[], str],
    size: int,
    start: dt.date,
    days: int,
    seed: int,
    rng: random.Random,
) -> Campaign:
    row = max(review.row for review in reviews)
    planted = tuple(
        Review(
            row=row + n,
            rating=5.0,
            date=start + dt.timedelta(days=rng.randrange(days)),
            title="Five Stars",
            text=text(),
            reviewer=f"Invented Person {seed}-{n}",
        )
        for n in range(1, size + 1)
    )
    end = start + dt.timedelta(days=days - 1)
    return Campaign((*reviews, *planted), frozenset(review.row for review in planted), start, end)


def _reworded(template: Sequence[str], edits: float, words: Sequence[str], rng: random.Random) -> str:
    copy = list(template)
    for at in rng.sample(range(len(copy)), round(edits * len(copy))):
        copy[at] = rng.choice(words)
    return " ".join(copy)


def _words_of(reviews: Sequence[Review]) -> tuple[str, ...]:
    """The words of the first few hundred reviews, so that a changed word is none that stands out."""
    found = sorted({word for review in reviews[:300] for word in re.findall(r"[a-z]{3,12}", review.text)})
    return tuple(found) if len(found) > len(_ORDINARY_WORDS) else _ORDINARY_WORDS
