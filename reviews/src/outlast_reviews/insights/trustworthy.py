"""Picks the most trustworthy reviews: those without a sign that give the most reasons to trust them (pure)."""

from collections.abc import Sequence
from typing import Literal, TypedDict

from outlast_reviews.checks.finding import Advance, Finding, Window
from outlast_reviews.checks.words import words_of
from outlast_reviews.insights.what_if import star_average
from outlast_reviews.listing import Listed, listed
from outlast_reviews.progress import counted_progress, ignore_progress
from outlast_reviews.review import Review
from outlast_reviews.reviewers import identity

MOST_LISTED = 50
LEAST_WORDS = 12
"""Words of a text that says enough to tell a copy."""
LEAST_REASONS = 2

Reason = Literal["verified", "own_words", "ordinary_day", "reviewer"]


class TrustedReview(Listed):
    reasons: list[Reason]


class Trustworthy(TypedDict):
    """The reviews without a sign that have the most reasons of all."""

    count: int
    stars: float | None
    reasons: int
    """Reasons that each of them has."""
    possible: list[Reason]
    """Reasons that this source can give."""
    reviews: list[TrustedReview]
    """At most fifty, the latest first."""


def trustworthy(
    reviews: Sequence[Review], findings: Sequence[Finding], advance: Advance = ignore_progress
) -> Trustworthy | None:
    """`None` where no review has two reasons, as nothing then stands out."""
    signed = {sign.row for finding in findings for sign in finding.signs}
    unsigned = [review for review in reviews if review.row not in signed]
    possible = _possible(reviews, findings)
    windows = [window for finding in findings for window in finding.windows]
    by_count: dict[int, list[tuple[Review, list[Reason]]]] = {}
    for review in counted_progress(unsigned, advance):
        reasons: list[Reason] = [reason for reason in possible if _holds(reason, review, windows)]
        by_count.setdefault(len(reasons), []).append((review, reasons))
    most = max(by_count, default=0)
    if most < LEAST_REASONS:
        return None
    best = sorted(by_count[most], key=lambda one: (-(one[0].date.toordinal() if one[0].date else 0), one[0].row))
    return {
        "count": len(best),
        "stars": star_average([review for review, _ in best])["stars"],
        "reasons": most,
        "possible": possible,
        "reviews": [{**listed(review), "reasons": reasons} for review, reasons in best[:MOST_LISTED]],
    }


def _possible(reviews: Sequence[Review], findings: Sequence[Finding]) -> list[Reason]:
    """A reason counts only where its check was made and the source tells reviews apart by it."""
    assessed = {finding.name for finding in findings if finding.outcome != "not_assessed"}
    offered: dict[Reason, bool] = {
        "verified": any(review.verified is not None for review in reviews),
        "own_words": "near_copies" in assessed,
        "ordinary_day": "burst" in assessed,
        "reviewer": any(identity(review) for review in reviews),
    }
    return [reason for reason, is_offered in offered.items() if is_offered]


def _holds(reason: Reason, review: Review, windows: Sequence[Window]) -> bool:
    match reason:
        case "verified":
            return review.verified is True
        case "own_words":
            return words_of(review.text).length >= LEAST_WORDS
        case "ordinary_day":
            day = review.date
            return day is not None and not review.approximate and not any(w.start <= day <= w.end for w in windows)
        case "reviewer":
            return identity(review) is not None
