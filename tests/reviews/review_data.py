"""The real review files, read without the product's own sources, and invented reviews."""

import csv
import datetime as dt
import random
from collections.abc import Iterable
from pathlib import Path

import pytest

from outlast_reviews.review import Review, ReviewSet

DATA = Path(__file__).parents[2].parent / "shared" / "data"

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the real review files are not shipped")


def read(name: str) -> tuple[ReviewSet, frozenset[int]]:
    """The set of one file, and the rows that its column `planted` names."""
    with (DATA / name).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    reviews = tuple(_review(n, row) for n, row in enumerate(rows, start=1))
    planted = frozenset(n for n, row in enumerate(rows, start=1) if row.get("planted") == "1")
    return ReviewSet(reviews, format="CSV"), planted


def _review(n: int, row: dict[str, str]) -> Review:
    def cell(*names: str) -> str:
        return next((row[name] for name in names if row.get(name)), "")

    date, rating = cell("date", "reviews.date"), cell("rating", "reviews.rating")
    return Review(
        row=n,
        review_id=cell("review_id") or None,
        rating=float(rating) if rating else None,
        date=dt.date.fromisoformat(date[:10]) if date else None,
        title=cell("title", "reviews.title"),
        text=cell("text", "reviews.text"),
        reviewer=cell("author", "reviews.username") or None,
    )


def review_set(reviews: Iterable[Review], **more: bool) -> ReviewSet:
    return ReviewSet(tuple(reviews), format="invented", **more)


def no_op(_share: float) -> None:
    """A check's progress that nobody watches."""


_VOCABULARY = """
a about after again air all also always amazing and any arm as at bag battery because bed been before best
better big blue both bought box brand but button buy cable came can car case cheap chair charge clean cold
color comfortable cover cup day deal desk did does door down each easy end even every everything fan fast feel
few find fine first fit floor for found from front full game gave get gift glass good got great grip had half
hand handle happy hard has have head heat heavy help her high hold home hot hour house how husband if in
inside instead into is issue it item its just keep kids kitchen know large last leg less light like little
long look loose lot loud love low made make many material maybe me metal middle month more morning most motor
much my near need never new nice night no noise not now odd of off office old on one only open or order other
our out over own packed paint pair part people phone piece place plastic plug power price product purse put
quality quick quiet quite rather read really red return right room rug same screen seat second see set several
shape she shelf shipping short side simple since size sleep slow small smell so soft solid some son soon sound
space stand start still store strap strong sturdy such sure table take than that the their them then these
they thick thin thing think this three time to together too top touch tried two under until up us use used
very wall want warm was wash watch water way we week weight well went were what when where which while white
who wide wife will window wish with without wood work would year yellow you
"""
WORDS = tuple(_VOCABULARY.split())


def invented(count: int, seed: int = 1, days: int = 365, five_star_share: float = 0.6) -> list[Review]:
    """Reviews by as many people, spread over `days`, of words thrown together."""
    chance = random.Random(seed)
    return [
        Review(
            row=n,
            review_id=f"I{seed}-{n}",
            rating=5.0 if chance.random() < five_star_share else float(chance.randint(1, 4)),
            date=dt.date(2024, 1, 1) + dt.timedelta(days=chance.randrange(days)),
            title=" ".join(chance.choices(WORDS, k=3)),
            text=" ".join(chance.choices(WORDS, k=chance.randint(12, 60))),
            reviewer=f"Person {seed}-{n}",
            verified=chance.random() < 0.9,
        )
        for n in range(1, count + 1)
    ]


TEMPLATE = (
    "I bought this lamp for my whole family and the light is outstanding, very warm and even, my old one"
    " went to the shed after one week and I would recommend it to everyone looking for a better evening"
)


def copies(count: int, first_row: int = 1, changed: int = 1, seed: int = 1) -> list[Review]:
    """As many reviews of one template, by different people, each with `changed` words replaced."""
    chance = random.Random(seed)
    made: list[Review] = []
    for row in range(first_row, first_row + count):
        words = TEMPLATE.split()
        for at in chance.sample(range(len(words)), changed):
            words[at] = chance.choice(WORDS)
        made.append(Review(row=row, rating=5.0, text=" ".join(words), reviewer=f"Copier {row}"))
    return made
