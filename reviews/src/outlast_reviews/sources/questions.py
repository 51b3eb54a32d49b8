"""What a file leaves open, as questions: which column holds what, the scale, the order of dates, the product."""

import datetime as dt
import html
import json
from collections.abc import Mapping, Sequence
from typing import Literal

from outlast import InvalidInput, Question, message, plural
from outlast_reviews import formatting
from outlast_reviews.review import ReviewSet
from outlast_reviews.sources.errors import NotReviews, of_file
from outlast_reviews.sources.formats.columns import ABSENT, REQUIRED, UNKNOWN, Part, UnknownColumns
from outlast_reviews.sources.formats.dates import AmbiguousDate, DateOrder, read_in_column
from outlast_reviews.sources.formats.scales import Scale, UnknownScale
from outlast_reviews.sources.review_sets import named

Only = Literal["product"]
ALL = "*"
"""The answer that selects all products of a source together."""

_LABELS: Mapping[Part, str] = {
    "rating": message("Stars"),
    "text": message("Review text"),
    "title": message("Title"),
    "date": message("Date"),
    "reviewer": message("Reviewer (name or ID)"),
    "verified": message("Verified purchase"),
    "review_id": message("Review ID"),
    "incentivised": message("Rewarded (such as Vine)"),
}
_SCALES: Mapping[Literal["scale", "zero"], tuple[str, Mapping[Scale, str]]] = {
    "scale": (
        message("Which scale do the ratings use?"),
        {
            Scale.STARS: message("1 to 5 stars (leave out anything above 5)"),
            Scale.FROM_ZERO: message("0 to 5 points (0 is the lowest rating)"),
            Scale.TEN: message("1 to 10 points"),
            Scale.TEN_FROM_ZERO: message("0 to 10 points (0 is the lowest rating)"),
            Scale.FIFTY: message("1 to 50 points (such as five circles)"),
            Scale.FIFTY_FROM_ZERO: message("0 to 50 points (0 is the lowest rating)"),
            Scale.HUNDRED: message("1 to 100 points"),
            Scale.HUNDRED_FROM_ZERO: message("0 to 100 points (0 is the lowest rating)"),
            Scale.ONE: message("Up to 1 (0.8 is four stars)"),
            Scale.ONE_FROM_ZERO: message("0 to 1 (0 is the lowest rating)"),
        },
    ),
    "zero": (message("What does a rating of 0 mean?"), {Scale.THUMBS: message("Thumbs down: not recommended")}),
}
"""The questions about ratings, each with what it calls the answers."""
_ZERO = {False: message("No rating was given"), True: message("It is the lowest rating")}
_DATES = [
    ("day", message("The day")),
    ("month", message("The month")),
    (UNKNOWN, message("I don't know; leave the dates out")),
]
_MOST_OFFERED = 200
"""Products offered on a page; API clients may name any."""
_LONGEST_QUESTION = 60_000
"""Characters of all column options, with their samples, as escaped JSON; a refusal has eight such questions."""


def question_about(refused: NotReviews, mapping: Mapping[Part, str], file: str = "") -> InvalidInput | None:
    """Return the questions whose answers make the source readable; `None` if no answer can.

    `file` is the name of the file that they are about, where there are several.
    """
    match refused:
        case UnknownColumns():
            asked = _columns(refused, mapping)
        case UnknownScale():
            asked = [_scale(refused)]
        case _:
            return None
    return InvalidInput(of_file(file, str(refused)), "/mapping", questions=asked)


def doubts(
    received: ReviewSet, mapping: Mapping[Part, str], only: Mapping[Only, str] | None, file: str = ""
) -> InvalidInput | None:
    """Return the questions about reviews that were read: the order of their dates, and which product is meant."""
    if received.unordered_dates and "dates" not in mapping:
        dates = [
            date for raw in received.unordered_dates if isinstance(date := read_in_column(raw), AmbiguousDate)
        ]
        sentence = message(
            "Dates such as {date} can be read in two ways. Without knowing which is right, we can't look for"
            " bursts of reviews.",
            date=received.unordered_dates[0],
        )
        return InvalidInput(of_file(file, sentence), "/mapping", questions=[_order(dates)])
    if len(products := list(received.products)) > 1 and only is None:
        sentence = message(
            "These are reviews of several products: {products}. A grade is for one product: pick one, or grade"
            " them together.",
            products=named(products),
        )
        return InvalidInput(of_file(file, sentence), "/only", questions=[_which_product(received, products)])
    return None


def _scale(unknown: UnknownScale) -> Question:
    label, called = _SCALES[unknown.about]
    options = [(scale.value, called.get(scale) or _ZERO[scale.has_zero]) for scale in unknown.scales]
    return Question("scale", label, options, unknown.likely.value, required=True)


def _order(dates: Sequence[AmbiguousDate]) -> Question:
    today = dt.datetime.now(dt.UTC).date()
    orders: tuple[DateOrder, ...] = ("day", "month")
    samples = {
        order: [
            message("{date} → {day}", date=date, day=formatting.day(read))
            for date in dates
            if (read := date.read(order, today))
        ]
        for order in orders
    }
    return Question(
        "dates", message("Which comes first in a date?"), _DATES, UNKNOWN, required=True, samples=samples
    )


def _which_product(received: ReviewSet, products: Sequence[str]) -> Question:
    options = [
        *((product, product) for product in products[:_MOST_OFFERED]),
        (ALL, message("All of them together")),
    ]
    counts = received.products
    samples = {product: [_reviews(counts[product])] for product in products[:_MOST_OFFERED]}
    samples[ALL] = [_reviews(len(received.reviews))]
    return Question("product", message("Which product?"), options, required=True, samples=samples)


def _reviews(number: int) -> str:
    return plural("{n:,} review", "{n:,} reviews", number)


def _columns(unknown: UnknownColumns, mapping: Mapping[Part, str]) -> list[Question]:
    options: list[tuple[str, str]] = []
    samples: dict[str, Sequence[str]] = {}
    remaining = _LONGEST_QUESTION
    for column in unknown.columns:
        option = column.name, f"{column.name}: {', '.join(column.samples)}" if column.samples else column.name
        remaining -= len(json.dumps(html.escape("".join([*option, *column.samples]))))
        if column.name and remaining > 0:
            options.append(option)
            samples[column.name] = column.samples
    starless = [*options, (ABSENT, message("My file has no stars"))]
    return [
        Question(
            part,
            label,
            starless if part == "rating" else options,
            mapping.get(part, unknown.guesses.get(part)),
            required=part in REQUIRED,
            samples=samples,
        )
        for part, label in _LABELS.items()
    ]
