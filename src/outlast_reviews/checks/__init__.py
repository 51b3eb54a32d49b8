"""The checks, in the order of the report."""

from collections.abc import Callable, Sequence

from outlast_reviews.checks.burst import burst
from outlast_reviews.checks.finding import Check, Finding
from outlast_reviews.checks.incentive import incentive
from outlast_reviews.checks.near_copies import near_copies
from outlast_reviews.checks.unverified import unverified
from outlast_reviews.review import Review

CHECKS: tuple[tuple[str, Check], ...] = (
    ("Looking for copies", near_copies),
    ("Looking for bursts", burst),
    ("Looking for reviews in return for something", incentive),
    ("Looking at verified purchases", unverified),
)


def silent(done: int, total: int, message: str) -> None:
    """Progress that nobody watches."""


def run_checks(
    reviews: Sequence[Review], progress: Callable[[int, int, str], None] = silent
) -> tuple[Finding, ...]:
    """Every check over unique reviews; `progress(done, total, message)` may raise to stop the work."""
    total = 100 * len(CHECKS)
    findings: list[Finding] = []
    for n, (message, check) in enumerate(CHECKS):

        def advance(share: float, start: int = 100 * n, message: str = message) -> None:
            progress(start + min(100, int(100 * share)), total, message)

        advance(0)
        findings.append(check(reviews, advance))
    progress(total, total, "All checks done")
    return tuple(findings)
