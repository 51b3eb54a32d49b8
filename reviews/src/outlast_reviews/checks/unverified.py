"""Check for unverified purchases where most are verified: a weak sign that never counts alone (pure)."""

from collections.abc import Sequence

from outlast import message, plural
from outlast_reviews.checks.finding import Advance, Finding, Sign
from outlast_reviews.review import Review

NAME, TITLE = "unverified", message("Unverified purchases")
LEAST_REVIEWS = 20
_SENTENCE = message("Not a verified purchase, unlike most others here. This doesn't count on its own.")


def unverified(reviews: Sequence[Review], _advance: Advance, /) -> Finding:
    """Assessed only where more than half are verified: elsewhere being unverified tells nothing."""
    known = [review for review in reviews if review.verified is not None]
    verified = sum(review.verified is True for review in known)
    if not known:
        why = message("The source doesn't say which purchases are verified.")
        return Finding(NAME, TITLE, "not_assessed", why)
    if len(known) < LEAST_REVIEWS:
        why = plural(
            "Only {n} review says whether the purchase is verified; we need at least {least}.",
            "Only {n} reviews say whether the purchase is verified; we need at least {least}.",
            len(known),
            least=LEAST_REVIEWS,
        )
        return Finding(NAME, TITLE, "not_assessed", why)
    if 2 * verified <= len(known):
        why = message(
            "Only {verified:,} of {purchases:,} purchases are verified, so being unverified is normal here.",
            verified=verified,
            purchases=len(known),
        )
        return Finding(NAME, TITLE, "not_assessed", why)
    signs = tuple(Sign(review.row, "weak", _SENTENCE) for review in known if not review.verified)
    if not signs:
        sentence = message("All {purchases:,} purchases are verified.", purchases=len(known))
        return Finding(NAME, TITLE, "clear", sentence)
    sentence = plural(
        "{n:,} of {reviews:,} reviews is without a verified purchase. Honest reviews often are too, so this"
        " doesn't count on its own.",
        "{n:,} of {reviews:,} reviews are without a verified purchase. Honest reviews often are too, so this"
        " doesn't count on its own.",
        len(signs),
        reviews=len(known),
    )
    return Finding(NAME, TITLE, "found", sentence, signs)
