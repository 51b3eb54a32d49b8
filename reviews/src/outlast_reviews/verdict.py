"""Computes the verdict from the signs: share, interval and grade (pure)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from outlast import message, plural
from outlast_reviews.checks.finding import Finding, too_few
from outlast_reviews.review import Review

Grade = Literal["A", "B", "C", "D", "F", "U"]
Tone = Literal["good", "warn", "bad", "unsure"]

GRADE_LIMITS: tuple[tuple[Grade, float], ...] = (("A", 8), ("B", 20), ("C", 40), ("D", 65), ("F", 100))
"""Up to which percentage of suspicious reviews a grade goes, the limit included."""
LEAST_TEXTS = 20
LEAST_CHECKS = 2
CHECKS_FOR_A, DAYS_FOR_A = 3, 28
"""Checks that count, and days, that an A needs to stand without a note on how little was checked."""
_NEEDED_FOR_A = frozenset({"near_copies", "burst"})
UNTYPICAL = 0.25
"""Stars by which the average of a sample may differ from the shop's before it is no fair sample."""
_COUNTING = frozenset({"near_copies", "burst", "reviewer_overlap"})
"""Checks that can add to the share; without any of them a share of nought would be empty praise."""
MODEL = "model"
"""The check that is a language model's opinion; it makes no review count and no grade possible."""
MODEL_PULL = 0.1
"""What a medium sign that a model confirms counts in the middle beyond the half that all medium ones do."""
_Z = 1.959964
"""95% of a normal distribution lie within so many deviations."""


@dataclass(frozen=True, slots=True)
class Interval:
    """`low <= middle <= high`; percentages or stars."""

    low: float
    middle: float
    high: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """Which rows carry which signs; a row is in the first set that it qualifies for."""

    strong: frozenset[int]
    medium: frozenset[int]
    incentivised: frozenset[int]
    """Counted apart, never among the suspicious."""
    weak: frozenset[int]
    """Only weak signs: they never count."""
    confirmed: frozenset[int] = frozenset()
    """Of the medium ones, those whose text a language model doubts too."""

    def suspects(self, row: int) -> bool:
        """Whether the review is among those that may be fake."""
        return row in self.strong or row in self.medium


@dataclass(frozen=True, slots=True)
class Verdict:
    """`share` is in percent of the reviews with a text; `None` exactly when the grade is U."""

    grade: Grade
    share: Interval | None
    unsure: str | None
    """Why there is no grade, one sentence; `None` when there is one."""
    with_text: int
    """Reviews with a text, of which the share is counted."""
    strong: int
    medium: int
    checks_made: int
    checks: int
    """All of them, context included."""
    limited: bool
    """Whether the grade is an A that few checks or few days stand behind."""
    typical: bool | None
    """Whether the average of the sample is the shop's; `None` where the shop does not say or it is no sample."""

    @property
    def badge(self) -> str:
        """As "B", or "A of 2 checks"."""
        return plural("A of {n:,} check", "A of {n:,} checks", self.checks_made) if self.limited else self.grade

    @property
    def tone(self) -> Tone:
        return tone_of(self.grade, self.strong)


def tone_of(grade: str, strong: int) -> Tone:
    """Colour of a grade; never good where there is a strong sign."""
    if grade in ("D", "F"):
        return "bad"
    if strong or grade == "C":
        return "warn"
    return "unsure" if grade == "U" else "good"


def gather(findings: Sequence[Finding], judged: frozenset[int] | None = None) -> Evidence:
    """Only the rows `judged` can be suspicious, so that all figures of a report are of the same reviews."""
    signs = [sign for finding in findings if not finding.context for sign in finding.signs]
    suspicious = [s for s in signs if s.kind == "suspicious" and (judged is None or s.row in judged)]
    strong = frozenset(s.row for s in suspicious if s.strength == "strong")
    medium = frozenset(s.row for s in suspicious if s.strength == "medium") - strong
    incentivised = frozenset(s.row for s in signs if s.kind == "incentivised") - strong - medium
    weak = frozenset(s.row for s in suspicious if s.strength == "weak") - strong - medium - incentivised
    doubted = frozenset(sign.row for finding in findings if finding.name == MODEL for sign in finding.signs)
    return Evidence(strong, medium, incentivised, weak, medium & doubted)


def judged_rows(reviews: Sequence[Review]) -> frozenset[int]:
    """The reviews with a text, which every share and count of suspicious reviews is of."""
    return frozenset(review.row for review in reviews if review.text.strip())


def compute_verdict(
    reviews: Sequence[Review],
    findings: Sequence[Finding],
    evidence: Evidence,
    *,
    sample: bool,
    product_rating: float | None = None,
) -> Verdict:
    """Low is what strong signs alone say, high adds medium ones; a sample is less sure than the whole.

    The middle is halfway between the two shares as counted, and a tenth of the way further for medium signs
    that a model confirms, so that no model moves it out of what was found without one. Widening moves only
    the ends; a sample whose average is not the shop's (`product_rating`) says nothing of the whole, and they stay.
    """
    with_text = judged_rows(reviews)
    n, strong, medium = len(with_text), len(with_text & evidence.strong), len(with_text & evidence.medium)
    typical = _is_typical(reviews, product_rating) if sample else None
    made = sum(finding.outcome != "not_assessed" for finding in findings)

    def verdict(grade: Grade, share: Interval | None, unsure: str | None) -> Verdict:
        limited = grade == "A" and not _enough_for_a(reviews, findings)
        return Verdict(grade, share, unsure, n, strong, medium, made, len(findings), limited, typical)

    unsure = _too_little(len(reviews), n, findings)
    if unsure:
        return verdict("U", None, unsure)
    confirmed = len(with_text & evidence.confirmed)
    widened = sample and typical is not False
    share = _share(strong, strong + medium, n, MODEL_PULL * confirmed, sample=widened)
    best, worst = grade_of(share.low), grade_of(share.high)
    if _rank(worst) - _rank(best) > 1:
        return verdict(
            "U", None, message("What we found fits any grade from {best} to {worst}.", best=best, worst=worst)
        )
    return verdict(grade_of(share.middle), share, None)


def _is_typical(reviews: Sequence[Review], product_rating: float | None) -> bool | None:
    ratings = [review.rating for review in reviews if review.rating is not None]
    if product_rating is None or not ratings:
        return None
    return abs(math.fsum(ratings) / len(ratings) - product_rating) < UNTYPICAL


def _enough_for_a(reviews: Sequence[Review], findings: Sequence[Finding]) -> bool:
    days = [review.date for review in reviews if review.date]
    covered = (max(days) - min(days)).days + 1 if days else 0
    assessed = _assessed(findings)
    return len(assessed) >= CHECKS_FOR_A and covered >= DAYS_FOR_A and assessed >= _NEEDED_FOR_A


def _assessed(findings: Sequence[Finding]) -> frozenset[str]:
    """The checks that were made and can count."""
    return frozenset(f.name for f in findings if f.outcome != "not_assessed" and not f.context) - {MODEL}


def grade_of(percentage: float) -> Grade:
    for grade, limit in GRADE_LIMITS:
        if percentage <= limit:
            return grade
    return "F"


def wilson(part: int, whole: int) -> tuple[float, float]:
    """The 95% score interval of a share, as shares: sane for none, for all, and for few."""
    share, z2 = part / whole, _Z * _Z
    middle = (share + z2 / (2 * whole)) / (1 + z2 / whole)
    spread = _Z / (1 + z2 / whole) * math.sqrt(share * (1 - share) / whole + z2 / (4 * whole * whole))
    low = 0.0 if part == 0 else max(0.0, middle - spread)
    high = 1.0 if part == whole else min(1.0, middle + spread)
    return low, high


def _too_little(reviews: int, texts: int, findings: Sequence[Finding]) -> str | None:
    assessed = _assessed(findings)
    if not reviews:
        return message("There are no reviews to judge.")
    if texts < LEAST_TEXTS:
        return too_few(texts, message("text"), LEAST_TEXTS)
    if len(assessed) < LEAST_CHECKS:
        return message("We could run fewer than {least} checks on this source.", least=LEAST_CHECKS)
    if not assessed & _COUNTING:
        return message("The texts are too short to compare, and there are too few dates to look for bursts.")
    return None


def _share(least: int, most: int, whole: int, pull: float, *, sample: bool) -> Interval:
    middle = ((least + most) / 2 + pull) / whole
    low, high = (wilson(least, whole)[0], wilson(most, whole)[1]) if sample else (least / whole, most / whole)
    return Interval(100 * min(low, middle), 100 * middle, 100 * max(high, middle))


def _rank(grade: Grade) -> int:
    return [name for name, _ in GRADE_LIMITS].index(grade)
