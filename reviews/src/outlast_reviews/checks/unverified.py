"""Check for unverified purchases where most are verified: a weak sign that never counts alone (pure)."""

from collections.abc import Sequence

from outlast_reviews.checks.finding import Advance, Finding, Sign
from outlast_reviews.review import Review

NAME, TITLE = "unverified", "Unverified purchases"
LEAST_REVIEWS = 20


def unverified(reviews: Sequence[Review], _advance: Advance, /) -> Finding:
    """Assessed only where more than half are verified: elsewhere being unverified tells nothing."""
    known = [review for review in reviews if review.verified is not None]
    verified = sum(review.verified is True for review in known)
    if not known:
        return Finding(NAME, TITLE, "not_assessed", "The source doesn't say which purchases are verified.")
    if len(known) < LEAST_REVIEWS:
        say = "review says" if len(known) == 1 else "reviews say"
        why = f"Only {len(known)} {say} whether the purchase is verified; we need at least {LEAST_REVIEWS}."
        return Finding(NAME, TITLE, "not_assessed", why)
    if 2 * verified <= len(known):
        why = f"Only {verified:,} of {len(known):,} purchases are verified, so being unverified is normal here."
        return Finding(NAME, TITLE, "not_assessed", why)
    signs = tuple(
        Sign(
            review.row, "weak", "Not a verified purchase, unlike most others here. This doesn't count on its own."
        )
        for review in known
        if not review.verified
    )
    if not signs:
        return Finding(NAME, TITLE, "clear", f"All {len(known):,} purchases are verified.")
    are = "is" if len(signs) == 1 else "are"
    sentence = (
        f"{len(signs):,} of {len(known):,} reviews {are} without a verified purchase. Honest reviews often are"
        " too, so this doesn't count on its own."
    )
    return Finding(NAME, TITLE, "found", sentence, signs)
