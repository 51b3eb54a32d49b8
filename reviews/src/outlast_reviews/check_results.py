"""`CheckResults`: what the step that checks the reviews hands to the next ones."""

from dataclasses import dataclass

from outlast_reviews.checks.finding import Finding
from outlast_reviews.insights.reviewers import NOT_LOOKED_FOR, ReviewersElsewhere


@dataclass(frozen=True, slots=True)
class CheckResults:
    """The results of all checks over one set of reviews."""

    findings: tuple[Finding, ...]
    made: str
    """Unique name of this value, assigned by the step that made it."""
    elsewhere: ReviewersElsewhere = NOT_LOOKED_FOR
