"""Reviews that say themselves, or whose shop says, that something was given for them (pure)."""

import re
from collections.abc import Sequence

from outlast_reviews.checks.finding import Advance, Finding, Sign
from outlast_reviews.review import Review

NAME, TITLE = "incentive", "Reviews in return for something"

_OPINION = r"\b(?:reviews?|opinions?|feedback|evaluations?|ratings?|testimonials?|stars?)\b"
_ITEM = r"(?:products?|samples?|items?|units?|copy|copies|testers?)\b"
_GIFT = r"\b(?:gift ?cards?|vouchers?|coupons?|refunds?|rebates?|discounts?|free (?:products?|samples?|items?))\b"
_GIVEN = r"\b(?:received|given|sent|provided|supplied|offered|gifted)\b"
_AT_NO_COST = r"\b(?:for free|free of charge|at no (?:cost|charge)|at a discount)\b"
_IF = r"\b(?:for|if|to) (?:I|you|we|my|your|an?|this|the|post|posting|leave|leaving|write|writing)\b"
_FOR_MY = r"\bfor (?:(?:my|an?|this|the|our|honest|unbiased|fair) ){0,3}"


def _within(characters: int) -> str:
    return rf"[^.!?\n]{{0,{characters}}}?"


DISCLOSURES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\bin (?:exchange|return) for\b{_within(40)}{_OPINION}",
        rf"{_GIVEN}{_within(60)}{_AT_NO_COST}{_within(60)}{_OPINION}",
        rf"\b(?:received|provided with|supplied with) (?:a|my|the|this|these) (?:free|complimentary) {_ITEM}",
        rf"\bsent (?:me|us) (?:a|the|this|these) (?:free|complimentary) {_ITEM}",
        rf"\b(?:free|complimentary|discounted) {_ITEM}{_within(30)}{_FOR_MY}{_OPINION}",
        rf"{_GIFT}{_within(40)}{_IF}{_within(30)}{_OPINION}",
        rf"{_OPINION}{_within(20)}\b(?:for|to get) (?:a|my|the) {_within(20)}{_GIFT}",
        r"\b(?:amazon )?vine (?:voice|program(?:me)?|member|customer review|review(?:er)?)\b",
        r"\b(?:paid|compensated) (?:to write|for writing|for) (?:this|my|a|the) (?:honest )?review\b",
        rf"\b(?:kostenlos|gratis|unentgeltlich)\b{_within(40)}\bzur verfügung gestellt\b",
        rf"\b(?:im austausch|als gegenleistung) (?:für|gegen)\b{_within(40)}\b(?:bewertung|rezension|meinung)\b",
        r"\ben échange d['’](?:un |une |mon )?(?:avis|commentaire|évaluation)\b",
        r"\ba cambio de (?:una |mi |un )?(?:reseña|opinión|valoración|comentario)\b",
    )
)
"""Each is bounded: from any place in a text it reads at most some two hundred characters on."""

_LIKELY = re.compile(
    r"free|complimentary|exchange|return for|discount|gift ?card|voucher|coupon|refund|rebate|vine|paid"
    r"|compensated|kostenlos|gratis|unentgeltlich|austausch|gegenleistung|échange|cambio",
    re.IGNORECASE,
)
_NEGATION = re.compile(r"\b(?:not|never|no|nor|without|neither|nobody|nothing)\b|n['’]t\b", re.IGNORECASE)
_LOOK_BACK = 40
"""Characters before a disclosure in which a negation in the same sentence takes it back."""


def incentive(reviews: Sequence[Review], advance: Advance, /) -> Finding:
    """Incentivised is not fake: these reviews are counted apart."""
    flagged = any(review.incentivised is not None for review in reviews)
    texts = sum(bool(review.text.strip()) for review in reviews)
    if not flagged and not texts:
        return Finding(NAME, TITLE, "not_assessed", "There are no texts, and the source does not say.")
    found: list[Sign] = []
    for n, review in enumerate(reviews):
        if n % 256 == 0:
            advance(n / len(reviews))
        if sign := _sign(review):
            found.append(sign)
    signs = tuple(found)
    if not signs:
        also = " and the source marks none" if flagged else ""
        return Finding(NAME, TITLE, "clear", f"None of {texts:,} texts mentions a reward for reviewing{also}.")
    sentence = (
        f"{len(signs):,} reviews were, by their words or the source's own mark, written in return for something."
        " They are counted apart and not as suspicious."
    )
    return Finding(NAME, TITLE, "found", sentence, signs)


def _sign(review: Review) -> Sign | None:
    quote = disclosure(review.text)
    if quote:
        sentence = "Its own words mention something given for a review."
        return Sign(review.row, "medium", sentence, (quote,), "incentivised")
    if review.incentivised:
        return Sign(review.row, "medium", "The source itself marks it as incentivised.", (), "incentivised")
    return None


def disclosure(text: str) -> str | None:
    """The part of a text that discloses a reward for it; `None` where none does, or only in denial."""
    if not _LIKELY.search(text):
        return None
    for pattern in DISCLOSURES:
        for match in pattern.finditer(text):
            before = re.split(r"[.!?\n]", text[max(0, match.start() - _LOOK_BACK) : match.start()])[-1]
            if not _NEGATION.search(before) and not _NEGATION.search(match[0]):
                return match[0]
    return None
