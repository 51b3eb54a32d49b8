"""The checks, in the order of the report."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from outlast_reviews.checks.burst import burst
from outlast_reviews.checks.buyers import buyers
from outlast_reviews.checks.facts import NOTHING_KNOWN, ReviewFacts
from outlast_reviews.checks.finding import Check, Finding
from outlast_reviews.checks.incentive import incentive
from outlast_reviews.checks.marketing import marketing_text
from outlast_reviews.checks.near_copies import near_copies
from outlast_reviews.checks.overlap import reviewer_overlap
from outlast_reviews.checks.stars_text import stars_text
from outlast_reviews.checks.unverified import unverified
from outlast_reviews.checks.vanished import vanished
from outlast_reviews.review import MOST_LOOKED_AT, Review


@dataclass(frozen=True, slots=True)
class Planned:
    """A check in its turn."""

    message: str
    """What people read while it is at work."""
    check: Check
    work: int
    """Share of the progress bar."""


def checks(facts: ReviewFacts = NOTHING_KNOWN) -> tuple[Planned, ...]:
    """Strong signs first, then medium and weak ones, context last."""
    return (
        Planned("Looking for copies", near_copies, 60),
        Planned("Looking for reviewers met elsewhere", partial(reviewer_overlap, facts=facts), 3),
        Planned("Looking for bursts", burst, 12),
        Planned("Looking for reviews in return for something", incentive, 12),
        Planned("Looking at verified purchases", unverified, 1),
        Planned("Comparing stars and texts", stars_text, 8),
        Planned("Looking for the seller's own words", partial(marketing_text, facts=facts), 2),
        Planned("Looking for reviews that vanished", partial(vanished, facts=facts), 1),
        Planned("Comparing with known buyers of reviews", buyers, 1),
    )


PROGRESS = 10
"""Steps of the bar for each of the shares above."""


def silent(done: int, total: int, message: str) -> None:
    """Progress that nobody watches."""


def run_checks(
    reviews: Sequence[Review],
    progress: Callable[[int, int, str], None] = silent,
    *,
    facts: ReviewFacts = NOTHING_KNOWN,
) -> tuple[Finding, ...]:
    """Every check over unique reviews, of a very long text over its beginning.

    `progress(done, total, message)` may raise to stop the work.
    """
    planned = checks(facts)
    reviews = [
        replace(one, text=one.text[:MOST_LOOKED_AT]) if len(one.text) > MOST_LOOKED_AT else one for one in reviews
    ]
    total = PROGRESS * sum(one.work for one in planned)
    findings: list[Finding] = []
    done = 0
    for one in planned:

        def advance(share: float, start: int = done, one: Planned = one) -> None:
            progress(start + int(PROGRESS * one.work * min(1.0, share)), total, one.message)

        advance(0)
        findings.append(one.check(reviews, advance))
        done += PROGRESS * one.work
    progress(total, total, "All checks done")
    return tuple(findings)
