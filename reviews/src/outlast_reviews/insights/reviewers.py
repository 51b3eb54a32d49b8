"""What is known of the reviewers beyond this product: their histories, and groups among them (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass

from outlast_reviews.checks.facts import ReviewFacts
from outlast_reviews.checks.finding import Advance, part_of
from outlast_reviews.insights.reviewer_groups import ReviewerGroup, find_groups, group_reports
from outlast_reviews.insights.reviewer_histories import (
    ReviewerHistories,
    events_by_reviewer,
    names_by_reviewer,
    other_products,
    reviewer_histories,
)
from outlast_reviews.progress import ignore_progress
from outlast_reviews.review import Review


@dataclass(frozen=True, slots=True)
class ReviewersElsewhere:
    """What the reviewers of this product wrote about others."""

    histories: ReviewerHistories | None = None
    """`None` where nobody could have been met."""
    groups: tuple[ReviewerGroup, ...] = ()
    """The largest, at most five."""
    groups_count: int = 0


NOT_LOOKED_FOR = ReviewersElsewhere()


def reviewers_elsewhere(
    reviews: Sequence[Review], facts: ReviewFacts, advance: Advance = ignore_progress
) -> ReviewersElsewhere:
    events = events_by_reviewer(reviews, facts, part_of(advance, 0, 0.4))
    names = names_by_reviewer(reviews, facts, part_of(advance, 0.4, 0.9))
    histories = reviewer_histories(events, names, other_products(reviews, facts))
    if histories is None:
        return NOT_LOOKED_FOR
    groups = find_groups(events)
    return ReviewersElsewhere(histories, group_reports(groups, events, names), len(groups))
