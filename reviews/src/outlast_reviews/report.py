"""Builds the report: the JSON that the page, exports and API clients read (pure)."""

import datetime as dt
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Literal, NotRequired, TypedDict

from outlast import message
from outlast_reviews.checks import run_checks
from outlast_reviews.checks.facts import NOTHING_KNOWN, ReviewFacts
from outlast_reviews.checks.finding import Advance, Finding, Outcome, Strength, part_of
from outlast_reviews.deduplicate import CleanSet, Coverage, clean
from outlast_reviews.insights.insights import Insights, insights
from outlast_reviews.insights.reviewers import NOT_LOOKED_FOR, ReviewersElsewhere, reviewers_elsewhere
from outlast_reviews.language_model.opinion import ModelReport
from outlast_reviews.listing import STRENGTHS, Flagged, Listed, flagged_reviews, reviews_without_signs
from outlast_reviews.method import Method, measured_accuracy, method
from outlast_reviews.progress import ignore_progress
from outlast_reviews.ratings import adjusted_rating, changed, mean_rating, star_counts
from outlast_reviews.review import ReviewSet
from outlast_reviews.reviewers import short_name
from outlast_reviews.sanitising import truncated
from outlast_reviews.timeline import timeline
from outlast_reviews.verdict import Evidence, Grade, Tone, Verdict, compute_verdict, gather, judged_rows
from outlast_reviews.wording import explain, headline

SAMPLES = 3
"""Reviews that show how the source was read."""
_LONGEST_NAME = 200
_LONGEST_SAMPLE = 160
_CHECKED, _LOOKED_UP, _WORK = 880, 920, 1_000
"""Units of the progress of `review_report`: after the checks, after the look at the reviewers, and all."""
_DIGITS = 4
"""Decimals of a percentage, so that one review in a million does not round to 0."""

WindowReport = TypedDict("WindowReport", {"from": str, "to": str, "count": int})
PointReport = TypedDict(
    "PointReport",
    {"from": str, "to": str, "count": int, "five_star": int, "suspicious": int, "in_burst": bool},
)


class _CheckReport(TypedDict):
    name: str
    title: str
    outcome: Outcome
    sentence: str
    count: int
    """Reviews with a sign of this check, listed or not."""
    context: bool
    """Shown beside the verdict and never part of it."""
    strength: Strength | None
    """Of its gravest sign; `None` where it has none that could make a review suspicious."""
    measured: str
    """How often the check is right, as far as it was measured."""


class CheckReport(_CheckReport, total=False):
    windows: list[WindowReport]
    """Of the check `burst` alone."""


class InputReport(TypedDict):
    """A `review.Input`: what was read, by its hash."""

    name: str
    kind: Literal["file", "page", "reviews"]
    sha256: str
    bytes: int


class SkippedRows(TypedDict):
    reason: str
    count: int
    rows: str
    """Which, as "rows 3, 7 and 2 more"."""


class ProductReport(TypedDict):
    name: str
    count: int
    """Unique reviews."""


class CoverageReport(TypedDict):
    """Counts of unique reviews; `rows`, `merged_duplicates` and `skipped` are rows."""

    rows: int
    unique: int
    with_rating: int
    with_date: int
    with_text: int
    with_verified: int
    """Reviews whose source says whether the purchase was verified; `verified` of these are."""
    verified: int
    with_reviewer: int
    """Reviews whose reviewer can be identified."""
    with_thumb: NotRequired[int]
    """Reviews with a thumb up or down in place of stars; `recommended` of these are up."""
    recommended: NotRequired[int]
    first_date: str | None
    last_date: str | None
    with_approximate_date: NotRequired[int]
    first_date_is_approximate: NotRequired[bool]
    last_date_is_approximate: NotRequired[bool]
    """Reviews of which only the month is known; their `date` is a day in it."""
    merged_duplicates: int
    skipped: int
    skipped_reasons: list[SkippedRows]
    left_out: list[str]
    """Files among several that hold no reviews, each with the reason; reviews of other products."""
    products: list[ProductReport]
    """Where the reviews are of several, judged together: the most frequent, at most twenty."""
    products_count: int


class StarCount(TypedDict):
    stars: int
    before: int
    after: float
    """Reviews, weighted by the evidence."""
    incentivised: int
    """Of those before; each has half its weight after."""


class Timeline(TypedDict):
    unit: str
    points: list[PointReport]


class ReadingSample(TypedDict):
    """One of the first reviews, as it was read."""

    rating: float | None
    recommended: bool | None
    date: str | None
    approximate: bool
    reviewer: str | None
    title: str
    text: str
    verified: bool | None


class Reading(TypedDict):
    """How the source was read, for a person to check."""

    columns: dict[str, str]
    """For each part the name of the column that it was read from; empty where a source has no columns."""
    samples: list[ReadingSample]


class Report(TypedDict):
    """Percentages are of the unique reviews with a text."""

    grade: Grade
    badge: str
    """The grade, with a note where an A stands on little: "A of 2 checks"."""
    tone: Tone
    """Colour of the grade; never good where there is a strong sign."""
    headline: str
    """The gravest thing that was found, or the verdict as a phrase."""
    explanation: str
    """The headline and the details."""
    details: str
    fake_percentage: float | None
    fake_percentage_low: float | None
    fake_percentage_high: float | None
    original_rating: float | None
    rating_without_incentivised: float | None
    adjusted_rating: float | None
    adjusted_rating_low: float | None
    adjusted_rating_high: float | None
    rating_changed: bool
    total_reviews: int
    unique_reviews: int
    judged_reviews: int
    """Those with a text: what all shares and counts of suspicious reviews are of."""
    checks_made: int
    checks_total: int
    """With those that could not be made, and those that are context only."""
    strong_count: int
    medium_count: int
    weak_count: int
    incentivised_count: int
    coverage: CoverageReport
    checks: list[CheckReport]
    flagged: list[Flagged]
    flagged_count: int
    without_signs: list[Listed]
    without_signs_count: int
    stars: list[StarCount]
    timeline: Timeline
    insights: Insights
    """What helps to judge the verdict and never changes it; reports of earlier versions have none."""
    method: Method
    source: str
    format: str
    reading: Reading
    sample: bool
    projected: bool
    """Whether the range says what to expect of all reviews of the product."""
    typical: bool | None
    """Whether a sample has the average that the shop states; `None` where there is nothing to compare."""
    product_title: str | None
    product_rating: float | None
    analysed_at: str
    inputs: list[InputReport]
    """Empty where the reviews came from no source."""
    software: dict[str, str]
    """The versions that made the report, by package."""


def review_report(
    received: ReviewSet,
    *,
    source: str,
    analysed_at: dt.datetime,
    progress: Callable[[int, int, str], None] = ignore_progress,
    facts: ReviewFacts = NOTHING_KNOWN,
) -> Report:
    """Clean, check and report in one call."""

    def checked(done: int, total: int, message: str) -> None:
        progress(done * _CHECKED // total, _WORK, message)

    def looked_up(share: float) -> None:
        progress(_CHECKED + int((_LOOKED_UP - _CHECKED) * share), _WORK, message("Looking up reviewers"))

    def written(share: float) -> None:
        progress(_LOOKED_UP + int((_WORK - _LOOKED_UP) * share), _WORK, message("Writing the report"))

    cleaned = clean(received)
    findings = run_checks(cleaned.reviews, checked, facts=facts)
    elsewhere = reviewers_elsewhere(cleaned.reviews, facts, looked_up)
    report = make_report(
        received, cleaned, findings, source=source, analysed_at=analysed_at, elsewhere=elsewhere, advance=written
    )
    progress(_WORK, _WORK, message("Report written"))
    return report


def make_report(
    received: ReviewSet,
    cleaned: CleanSet,
    findings: Sequence[Finding],
    *,
    source: str,
    analysed_at: dt.datetime,
    model: ModelReport | None = None,
    elsewhere: ReviewersElsewhere = NOT_LOOKED_FOR,
    advance: Advance = ignore_progress,
) -> Report:
    """Build the report. It is deterministic except for `source` and `analysed_at` (converted to UTC)."""
    reviews, sample = cleaned.reviews, not received.complete
    with_text = judged_rows(reviews)

    def judge(findings: Sequence[Finding]) -> tuple[Evidence, Verdict]:
        evidence = gather(findings, with_text)
        verdict = compute_verdict(
            reviews, findings, evidence, sample=sample, product_rating=received.product_rating
        )
        return evidence, verdict

    evidence, verdict = judged = judge(findings)
    share, original = verdict.share, mean_rating(reviews)
    averages = (original, received.product_rating)
    details = explain(verdict, evidence, sample=sample, averages=averages, products=cleaned.coverage.products)
    said = headline(verdict, evidence, findings)
    without_incentivised = [review for review in reviews if review.row not in evidence.incentivised]
    adjusted = adjusted_rating(reviews, evidence) if share else None
    advance(0.2)
    flagged, flagged_count = flagged_reviews(reviews, findings, evidence)
    advance(0.4)
    unsigned, unsigned_count = reviews_without_signs(reviews, findings)
    windows = [window for finding in findings for window in finding.windows]
    unit, points = timeline(reviews, evidence.strong | evidence.medium, windows)
    return {
        "grade": verdict.grade,
        "badge": verdict.badge,
        "tone": verdict.tone,
        "headline": said,
        "explanation": f"{said}. {details}",
        "details": details,
        "fake_percentage": _rounded(share and share.middle, _DIGITS),
        "fake_percentage_low": _rounded(share and share.low, _DIGITS),
        "fake_percentage_high": _rounded(share and share.high, _DIGITS),
        "original_rating": _rounded(original, 4),
        "rating_without_incentivised": _rounded(mean_rating(without_incentivised), 4),
        "adjusted_rating": _rounded(adjusted and adjusted.middle, 4),
        "adjusted_rating_low": _rounded(adjusted and adjusted.low, 4),
        "adjusted_rating_high": _rounded(adjusted and adjusted.high, 4),
        "rating_changed": changed(original, adjusted),
        "total_reviews": cleaned.coverage.rows,
        "unique_reviews": cleaned.coverage.unique,
        "judged_reviews": verdict.with_text,
        "checks_made": verdict.checks_made,
        "checks_total": verdict.checks,
        "strong_count": len(evidence.strong),
        "medium_count": len(evidence.medium),
        "weak_count": len(evidence.weak),
        "incentivised_count": len(evidence.incentivised),
        "coverage": _coverage(cleaned.coverage),
        "checks": [_check(finding, model) for finding in findings],
        "flagged": flagged,
        "flagged_count": flagged_count,
        "without_signs": unsigned,
        "without_signs_count": unsigned_count,
        "stars": [
            {"stars": stars, "before": before, "after": round(after, 2), "incentivised": incentivised}
            for stars, before, after, incentivised in star_counts(reviews, evidence)
        ],
        "timeline": {
            "unit": unit,
            "points": [
                {
                    "from": point.start.isoformat(),
                    "to": point.end.isoformat(),
                    "count": point.count,
                    "five_star": point.five_star,
                    "suspicious": point.suspicious,
                    "in_burst": point.in_burst,
                }
                for point in points
            ],
        },
        "insights": insights(received, reviews, findings, judged, judge, elsewhere, part_of(advance, 0.6, 1)),
        "method": method(model),
        "source": truncated(source, 2_000),
        "format": received.format,
        "reading": _reading(received),
        "sample": sample,
        "projected": sample and share is not None and verdict.typical is not False,
        "typical": verdict.typical,
        "product_title": truncated(received.product_title or "", _LONGEST_NAME) or None,
        "product_rating": received.product_rating,
        "analysed_at": analysed_at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "inputs": [
            {
                "name": truncated(read.name, _LONGEST_NAME),
                "kind": read.kind,
                "sha256": read.sha256,
                "bytes": read.bytes,
            }
            for read in received.inputs
        ],
        "software": {name: version(name) for name in ("outlast", "outlast-reviews")},
    }


def _reading(received: ReviewSet) -> Reading:
    return {
        "columns": {part: truncated(name, _LONGEST_NAME) for part, name in received.columns.items()},
        "samples": [
            {
                "rating": _rounded(review.rating, 2),
                "recommended": review.recommended,
                "date": review.date.isoformat() if review.date else None,
                "approximate": review.approximate,
                "reviewer": short_name(truncated(review.reviewer or "", _LONGEST_NAME)),
                "title": truncated(review.title, _LONGEST_SAMPLE),
                "text": truncated(review.text, _LONGEST_SAMPLE),
                "verified": review.verified,
            }
            for review in received.reviews[:SAMPLES]
        ],
    }


def _coverage(counted: Coverage) -> CoverageReport:
    return {
        "rows": counted.rows,
        "unique": counted.unique,
        "with_rating": counted.ratings,
        "with_date": counted.dates,
        "with_text": counted.texts,
        "with_verified": counted.verified_known,
        "verified": counted.verified,
        "with_reviewer": counted.reviewers,
        "with_thumb": counted.thumbs,
        "recommended": counted.recommended,
        "first_date": counted.first_date.isoformat() if counted.first_date else None,
        "last_date": counted.last_date.isoformat() if counted.last_date else None,
        "with_approximate_date": counted.approximate_dates,
        "first_date_is_approximate": counted.first_is_approximate,
        "last_date_is_approximate": counted.last_is_approximate,
        "merged_duplicates": counted.merged,
        "skipped": counted.skipped,
        "skipped_reasons": [
            {"reason": truncated(reason, _LONGEST_NAME), "count": count, "rows": truncated(rows, _LONGEST_NAME)}
            for reason, count, rows in counted.skipped_reasons
        ],
        "left_out": [truncated(line, 2 * _LONGEST_NAME) for line in counted.left_out],
        "products": [{"name": name, "count": count} for name, count in counted.most_frequent_products],
        "products_count": counted.products,
    }


def _check(finding: Finding, model: ModelReport | None) -> CheckReport:
    strengths = {sign.strength for sign in finding.signs if sign.kind == "suspicious"}
    check: CheckReport = {
        "name": finding.name,
        "title": finding.title,
        "outcome": finding.outcome,
        "sentence": finding.sentence,
        "count": len({sign.row for sign in finding.signs}),
        "context": finding.context,
        "strength": next((strength for strength in STRENGTHS if strength in strengths), None),
        "measured": measured_accuracy(finding.name, model),
    }
    if finding.name == "burst":
        check["windows"] = [
            {"from": window.start.isoformat(), "to": window.end.isoformat(), "count": window.count}
            for window in finding.windows
        ]
    return check


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
