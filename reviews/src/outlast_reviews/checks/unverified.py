"""Check for unverified purchases where most are verified: a weak sign that never counts alone (pure)."""

from collections.abc import Sequence

from outlast_reviews.checks.finding import Advance, Finding, Sign
from outlast_reviews.review import Review

NAME, TITLE = "unverified", "Reviews without a verified purchase"
LEAST_REVIEWS = 20


def unverified(reviews: Sequence[Review], _advance: Advance, /) -> Finding:
    """Assessed only where more than half are verified: elsewhere being unverified tells nothing."""
    known = [review for review in reviews if review.verified is not None]
    verified = sum(review.verified is True for review in known)
    if not known:
        return Finding(NAME, TITLE, "not_assessed", "The source does not say which purchases were verified.")
    if len(known) < LEAST_REVIEWS:
        why = f"Only {len(known)} reviews say whether the purchase was verified; it takes {LEAST_REVIEWS}."
        return Finding(NAME, TITLE, "not_assessed", why)
    if 2 * verified <= len(known):
        why = f"Only {verified:,} of {len(known):,} purchases are verified: being unverified is usual here."
        return Finding(NAME, TITLE, "not_assessed", why)
    signs = tuple(
        Sign(review.row, "weak", "Not a verified purchase, as most of the others are. Alone it does not count.")
        for review in known
        if not review.verified
    )
    if not signs:
        return Finding(NAME, TITLE, "clear", f"All {len(known):,} purchases are verified.")
    sentence = (
        f"{len(signs):,} of {len(known):,} reviews come without a verified purchase. That is common among"
        " honest reviews too, so it does not count alone."
    )
    return Finding(NAME, TITLE, "found", sentence, signs)
