"""The part `insights` of a report: what helps to judge the verdict, none of which changes it (pure)."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, TypedDict

from outlast_reviews.checks.finding import Advance, Finding, part_of
from outlast_reviews.insights.comparisons import Comparison, comparisons
from outlast_reviews.insights.missing_reviews import Counts, MissingReviews, missing_reviews
from outlast_reviews.insights.reviewers import NOT_LOOKED_FOR, ReviewersElsewhere
from outlast_reviews.insights.trustworthy import Trustworthy, trustworthy
from outlast_reviews.insights.what_if import CheckStars, Judge, Judged, Scenario, scenarios, stars_by_check
from outlast_reviews.progress import ignore_progress
from outlast_reviews.ratings import mean_rating
from outlast_reviews.review import Review, ReviewSet


class Insights(TypedDict):
    checks: list[CheckStars]
    """Of each check that found a sign."""
    scenarios: list[Scenario]
    """The verdict without each combination of the checks that can be left out; the first is the report's."""
    comparisons: list[Comparison]
    trustworthy: Trustworthy | None
    missing: MissingReviews | None
    """`None` where the source does not say that the shop counts more."""
    reviewers: dict[str, Any]
    """`ReviewersElsewhere` as a dict."""


def insights(
    received: ReviewSet,
    reviews: Sequence[Review],
    findings: Sequence[Finding],
    judged: Judged,
    judge: Judge,
    elsewhere: ReviewersElsewhere = NOT_LOOKED_FOR,
    advance: Advance = ignore_progress,
) -> Insights:
    """Build the part; `judged` is what `judge` says of all findings."""
    evidence, verdict = judged
    counts = Counts(
        read=len(reviews),
        rated=sum(review.rating is not None for review in reviews),
        with_text=verdict.with_text,
        strong=verdict.strong,
        medium=verdict.medium,
    )
    of_ratings = received.stated_total is None and received.stated_ratings is not None
    return {
        "checks": stars_by_check(reviews, findings),
        "scenarios": scenarios(reviews, findings, judged, judge, part_of(advance, 0, 0.4)),
        "comparisons": comparisons(reviews, findings, evidence),
        "trustworthy": trustworthy(reviews, findings, part_of(advance, 0.5, 1)),
        "missing": missing_reviews(
            received.stated_ratings if of_ratings else received.stated_total,
            counts,
            mean_rating(reviews),
            received.product_rating,
            graded=verdict.share is not None,
            of_ratings=of_ratings,
        ),
        "reviewers": asdict(elsewhere),
    }
