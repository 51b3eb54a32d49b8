"""Check for reviews missing since the last analysis; context only, as the cause is unknown (pure)."""

from collections.abc import Sequence

from outlast import message, plural
from outlast_reviews import formatting
from outlast_reviews.checks.facts import ReviewFacts, review_mark
from outlast_reviews.checks.finding import Advance, Finding
from outlast_reviews.review import Review

NAME, TITLE = "vanished", message("Reviews that have disappeared")
LEAST_REVIEWS = 20
LEAST_KEPT = 0.5
"""Share of the earlier reviews that must still be there: else the two sources are different samples."""


def vanished(reviews: Sequence[Review], _advance: Advance, /, facts: ReviewFacts) -> Finding:
    """Only earlier reviews from the days that this source covers can be missed."""
    if not facts.earlier or facts.earlier_on is None:
        return _not_assessed(message("This is the first time we've analysed this product."))
    current = {mark for review in reviews if (mark := review_mark(review, facts.secret))}
    dates = [review.date for review in reviews if review.date]
    earlier = [e for e in facts.earlier if not dates or not e.date or min(dates) <= e.date <= max(dates)]
    kept = sum(e.mark in current for e in earlier)
    if len(earlier) < LEAST_REVIEWS:
        return _not_assessed(
            message(
                "The last analysis had fewer than {least} reviews from the same days.",
                least=LEAST_REVIEWS,
            )
        )
    if kept < LEAST_KEPT * len(earlier):
        return _not_assessed(message("The last analysis had mostly other reviews."))
    missing = [e for e in earlier if e.mark not in current]
    when = formatting.day(facts.earlier_on)
    if not missing:
        sentence = message("All {reviews:,} reviews from {when} are still there.", reviews=len(earlier), when=when)
        return Finding(NAME, TITLE, "clear", sentence, context=True)
    five = sum(e.rating is not None and e.rating >= 5 for e in missing)
    gone = plural(
        "{n:,} of {earlier:,} reviews that were there on {when} is gone; {five:,} of them gave five stars.",
        "{n:,} of {earlier:,} reviews that were there on {when} are gone; {five:,} of them gave five stars.",
        len(missing),
        earlier=len(earlier),
        when=when,
        five=five,
    )
    why = message(
        "Shops remove reviews that break their rules, writers take some back, and a file may leave some out."
    )
    sentence = f"{gone} {why}"
    return Finding(NAME, TITLE, "found", sentence, context=True)


def _not_assessed(why: str) -> Finding:
    return Finding(NAME, TITLE, "not_assessed", why, context=True)
