"""What else the reviewers wrote: in this source about other products, or at earlier analyses here (pure)."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from outlast_reviews.checks.facts import ReviewFacts, reviewer_mark
from outlast_reviews.checks.finding import Advance
from outlast_reviews.progress import counted_progress
from outlast_reviews.review import Review
from outlast_reviews.reviewers import short_name
from outlast_reviews.sanitising import truncated

MOST_LISTED = 20
LEAST_RATED = 3
"""Reviews with stars that a reviewer must have before "only five stars" says anything."""
LEAST_A_DAY = 3
"""Products reviewed on one day; two may come from one order."""
_LONGEST_NAME = 60
_HERE = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One review by one reviewer; `product` is empty for the product of this report."""

    product: str
    date: dt.date | None
    rating: float | None


@dataclass(frozen=True, slots=True)
class ReviewerHistory:
    """What one reviewer wrote, as far as it is known here."""

    reviewer: str | None
    """Shortened."""
    reviews: int
    products: int
    only_five_stars: bool
    most_on_one_day: int
    """Products that the reviewer reviewed on the busiest day."""


@dataclass(frozen=True, slots=True)
class ReviewerHistories:
    """Reviewers who can be told apart from others of the same name, and what else they wrote."""

    reviewers: int
    met: int
    """Those of whom a review of another product is known."""
    other_products: int
    """Products, besides this one, at which they could have been met."""
    rated: int
    """Of those met, reviewers with at least three reviews with stars."""
    only_five_stars: int
    """Of those rated, reviewers who gave five stars every time."""
    several_on_one_day: int
    """Of those met, reviewers of at least three products on one day."""
    listed: tuple[ReviewerHistory, ...]
    """At most twenty, the most conspicuous first."""


def events_by_reviewer(
    reviews: Sequence[Review], facts: ReviewFacts, advance: Advance
) -> Mapping[str, Sequence[Event]]:
    """All known reviews of each reviewer of this product, by mark."""
    events: dict[str, list[Event]] = {}
    for review in counted_progress(reviews, advance):
        if mark := reviewer_mark(review, facts.secret):
            product = f"named {review.product}" if review.product else _HERE
            events.setdefault(mark, []).append(
                Event(product, None if review.approximate else review.date, review.rating)
            )
    for seen in facts.seen:
        if seen.product != facts.product and seen.reviewer in events:
            events[seen.reviewer].append(Event(f"other {seen.product}", seen.date, seen.rating))
    return events


def names_by_reviewer(reviews: Sequence[Review], facts: ReviewFacts, advance: Advance) -> Mapping[str, str | None]:
    """The shortened name of each reviewer, by mark, in the order of the names."""
    names: dict[str, str] = {}
    for review in counted_progress(reviews, advance):
        if review.reviewer and (mark := reviewer_mark(review, facts.secret)):
            names.setdefault(mark, short_name(truncated(review.reviewer, _LONGEST_NAME)) or "")
    return {mark: name or None for mark, name in sorted(names.items(), key=lambda item: (item[1], item[0]))}


def other_products(reviews: Sequence[Review], facts: ReviewFacts) -> int:
    """Products, besides this one, at which its reviewers could have been met."""
    in_source = {review.product for review in reviews if review.product}
    elsewhere = {seen.product for seen in facts.seen if seen.product != facts.product}
    return max(0, len(in_source) - 1) + max(facts.others, len(elsewhere))


def reviewer_histories(
    events: Mapping[str, Sequence[Event]], names: Mapping[str, str | None], others: int
) -> ReviewerHistories | None:
    """`None` where no reviewer can be recognised, or there is no other product to meet one at."""
    if not events or not others:
        return None
    met = {mark: some for mark, some in events.items() if len({event.product for event in some}) > 1}
    histories = [_history(names[mark], some) for mark, some in met.items()]
    conspicuous = [h for h in histories if h.only_five_stars or h.most_on_one_day >= LEAST_A_DAY]
    conspicuous.sort(key=lambda h: (-h.most_on_one_day, -h.reviews, h.reviewer or ""))
    return ReviewerHistories(
        reviewers=len(events),
        met=len(met),
        other_products=others,
        rated=sum(map(_is_rated, met.values())),
        only_five_stars=sum(history.only_five_stars for history in histories),
        several_on_one_day=sum(history.most_on_one_day >= LEAST_A_DAY for history in histories),
        listed=tuple(conspicuous[:MOST_LISTED]),
    )


def _history(name: str | None, events: Sequence[Event]) -> ReviewerHistory:
    by_day = Counter(day for day, _ in {(event.date, event.product) for event in events if event.date})
    ratings = [event.rating for event in events if event.rating is not None]
    return ReviewerHistory(
        reviewer=name,
        reviews=len(events),
        products=len({event.product for event in events}),
        only_five_stars=_is_rated(events) and all(rating >= 5 for rating in ratings),
        most_on_one_day=max(by_day.values(), default=0),
    )


def _is_rated(events: Sequence[Event]) -> bool:
    return sum(event.rating is not None for event in events) >= LEAST_RATED
