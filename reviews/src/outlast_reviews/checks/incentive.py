"""Check for incentivised reviews, by their own words or the shop's flag (pure)."""

from collections.abc import Sequence

from outlast_reviews.checks.disclosures import disclosure
from outlast_reviews.checks.finding import Advance, Finding, Sign
from outlast_reviews.checks.languages import mostly_known
from outlast_reviews.review import Review

NAME, TITLE = "incentive", "Reviews in return for something"


def incentive(reviews: Sequence[Review], advance: Advance, /) -> Finding:
    """Incentivised is not fake: these reviews are counted apart."""
    flagged = any(review.incentivised is not None for review in reviews)
    texts = [review.text for review in reviews if review.text.strip()]
    if not flagged and not texts:
        return Finding(NAME, TITLE, "not_assessed", "There are no texts, and the source does not say.")
    found: list[Sign] = []
    for n, review in enumerate(reviews):
        if n % 256 == 0:
            advance(n / len(reviews))
        if sign := _sign(review):
            found.append(sign)
    signs = tuple(found)
    if not signs and not flagged and not mostly_known(texts):
        why = "Most texts are in a language whose words for a reward this check does not know."
        return Finding(NAME, TITLE, "not_assessed", why)
    if not signs:
        also = " and the source marks none" if flagged else ""
        return Finding(
            NAME, TITLE, "clear", f"None of {len(texts):,} texts mentions a reward for reviewing{also}."
        )
    sentence = (
        f"{len(signs):,} reviews were, by their words or the source's own mark, written in return for something."
        " They are counted apart and not as suspicious."
    )
    return Finding(NAME, TITLE, "found", sentence, signs)


def _sign(review: Review) -> Sign | None:
    quote = disclosure(review.text, stars=review.rating)
    if quote:
        sentence = "Its own words mention something given for a review."
        return Sign(review.row, "medium", sentence, (quote,), "incentivised")
    if review.incentivised:
        return Sign(review.row, "medium", "The source itself marks it as incentivised.", (), "incentivised")
    return None
