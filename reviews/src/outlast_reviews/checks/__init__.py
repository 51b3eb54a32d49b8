"""Runs the checks in the order of the report."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from outlast import message
from outlast_reviews.checks.burst import burst
from outlast_reviews.checks.buyer_resemblance import buyer_resemblance
from outlast_reviews.checks.facts import NOTHING_KNOWN, ReviewFacts
from outlast_reviews.checks.finding import Check, Finding
from outlast_reviews.checks.incentive import incentive
from outlast_reviews.checks.marketing_text import marketing_text
from outlast_reviews.checks.near_copies import near_copies
from outlast_reviews.checks.reviewer_overlap import reviewer_overlap
from outlast_reviews.checks.stars_text import stars_text
from outlast_reviews.checks.unverified import unverified
from outlast_reviews.checks.vanished import vanished
from outlast_reviews.progress import ignore_progress
from outlast_reviews.review import MOST_CHARACTERS, Review


@dataclass(frozen=True, slots=True)
class PlannedCheck:
    """A check with its share of the progress."""

    message: str
    """Progress message while it runs."""
    check: Check
    work: int
    """Share of the progress bar."""


def checks(facts: ReviewFacts = NOTHING_KNOWN) -> tuple[PlannedCheck, ...]:
    """Strong signs first, then medium and weak ones, context last."""
    return (
        PlannedCheck(message("Looking for copies"), near_copies, 60),
        PlannedCheck(
            message("Looking for reviewers seen together elsewhere"), partial(reviewer_overlap, facts=facts), 3
        ),
        PlannedCheck(message("Looking for bursts"), burst, 12),
        PlannedCheck(message("Looking for rewarded reviews"), incentive, 12),
        PlannedCheck(message("Looking at verified purchases"), unverified, 1),
        PlannedCheck(message("Comparing stars and texts"), stars_text, 8),
        PlannedCheck(message("Looking for the seller's own words"), partial(marketing_text, facts=facts), 2),
        PlannedCheck(message("Looking for reviews that have disappeared"), partial(vanished, facts=facts), 1),
        PlannedCheck(message("Comparing with products that bought reviews"), buyer_resemblance, 1),
    )


PROGRESS = 10
"""Progress units for each unit of `work`."""


def run_checks(
    reviews: Sequence[Review],
    progress: Callable[[int, int, str], None] = ignore_progress,
    *,
    facts: ReviewFacts = NOTHING_KNOWN,
) -> tuple[Finding, ...]:
    """Run every check over unique reviews; very long texts are truncated.

    `progress(done, total, message)` may raise to stop the work.
    """
    planned = checks(facts)
    reviews = [
        replace(one, text=one.text[:MOST_CHARACTERS]) if len(one.text) > MOST_CHARACTERS else one
        for one in reviews
    ]
    total = PROGRESS * sum(one.work for one in planned)
    findings: list[Finding] = []
    done = 0
    for one in planned:

        def advance(share: float, start: int = done, one: PlannedCheck = one) -> None:
            progress(start + int(PROGRESS * one.work * min(1.0, share)), total, one.message)

        advance(0)
        findings.append(one.check(reviews, advance))
        done += PROGRESS * one.work
    progress(total, total, message("All checks done"))
    return tuple(findings)
