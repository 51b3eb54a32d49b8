"""The document that an evidence file holds: what a report found, from what, by which method (pure)."""

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

from outlast import message
from outlast_reviews.history import EarlierReport
from outlast_reviews.listing import Flagged
from outlast_reviews.method import GradeLimit
from outlast_reviews.report import CoverageReport, InputReport, WindowReport

KIND = "outlast-reviews evidence"
SCHEMA_VERSION = 1
NOT_RECORDED = message("Not recorded by the version that made this report.")

SHOWS = (
    message(
        "On the date stated, by the clock of the machine that did it, the program read the input whose SHA-256 is"
        " stated and ran the listed checks on it, with the listed results."
    ),
    message(
        "For each check, it states how often the check was right when it was measured, or that it was not"
        " measured."
    ),
)
DOES_NOT_SHOW = (
    message(
        "It does not show that anybody complies with the Digital Markets, Competition and Consumers Act 2024 (UK),"
        " Directive (EU) 2019/2161 (“Omnibus”), 16 CFR Part 465 (US) or any other law. It is a record of a check,"
        " not a certificate and not legal advice."
    ),
    message(
        "It does not show that a review is fake or genuine. A sign is a reason to look closer; that no sign was"
        " found is no proof."
    ),
    message(
        "It does not show by itself whether anybody altered it after it was signed: anyone can check that with the"
        " public key."
    ),
    message(
        "It does not show that the input held every review, or that nobody changed it before the program read it."
    ),
    message(
        "It does not show who runs the program: compare the public key with the one that the site publishes. No"
        " third party confirms the date."
    ),
)


class Statement(TypedDict):
    """What the document shows and what it does not, in sentences."""

    shows: list[str]
    does_not_show: list[str]


class Verdict(TypedDict):
    """The report's verdict; percentages are of the reviews with a text."""

    grade: str
    headline: str
    details: str
    suspicious_percentage: float | None
    suspicious_percentage_low: float | None
    suspicious_percentage_high: float | None
    sample: bool
    """Whether the input is a sample of the product's reviews."""
    projected: NotRequired[bool]
    """Whether the range says what to expect of all reviews of the product; earlier versions do not say."""


class Ratings(TypedDict):
    """Averages in stars."""

    original: float | None
    adjusted: float | None
    adjusted_low: float | None
    adjusted_high: float | None
    stated_by_shop: float | None


class Counts(TypedDict):
    """Numbers of unique reviews."""

    reviews: int
    with_text: int
    strong: int
    medium: int
    weak: int
    rewarded: int


class CheckResult(TypedDict):
    """One check: its outcome, and the error of the check as measured."""

    name: str
    title: str
    outcome: str
    strength: str | None
    context: bool
    """Shown beside the verdict and never part of it."""
    reviews: int
    """Reviews with a sign of this check."""
    sentence: str
    measured: str
    windows: NotRequired[list[WindowReport]]


class MethodRecord(TypedDict):
    """The rules that were applied."""

    version: str
    judge: str
    summary: str
    rules: list[str]
    limits: list[str]
    accuracy: list[str]
    grades: list[GradeLimit]


class Document(TypedDict):
    """What is signed."""

    kind: str
    schema_version: int
    statement: Statement
    product: str | None
    source: str
    format: str
    analysed_at: str
    """UTC, by the clock of the machine that analysed."""
    inputs: list[InputReport]
    """Empty where the version that made the report did not record them."""
    coverage: CoverageReport
    verdict: Verdict
    ratings: Ratings
    counts: Counts
    checks: list[CheckResult]
    reviews_with_signs: list[Flagged]
    """Those that the report lists: all of them, or the gravest of very many."""
    reviews_with_signs_count: int
    earlier: EarlierReport | None
    """The report before this one, if there was one: what changed."""
    method: MethodRecord
    software: dict[str, str]


def document_of(result: Mapping[str, Any]) -> Document:
    """Build the document from a result; the same result always gives the same document."""
    report = result["report"]
    method = report["method"]
    return {
        "kind": KIND,
        "schema_version": SCHEMA_VERSION,
        "statement": {"shows": list(SHOWS), "does_not_show": list(DOES_NOT_SHOW)},
        "product": report["product_title"],
        "source": report["source"],
        "format": report["format"],
        "analysed_at": report["analysed_at"],
        "inputs": report.get("inputs", []),
        "coverage": report["coverage"],
        "verdict": {
            "grade": report["grade"],
            "headline": report["headline"],
            "details": report["details"],
            "suspicious_percentage": report["fake_percentage"],
            "suspicious_percentage_low": report["fake_percentage_low"],
            "suspicious_percentage_high": report["fake_percentage_high"],
            "sample": report["sample"],
            "projected": report.get("projected", report["sample"]),
        },
        "ratings": {
            "original": report["original_rating"],
            "adjusted": report["adjusted_rating"],
            "adjusted_low": report["adjusted_rating_low"],
            "adjusted_high": report["adjusted_rating_high"],
            "stated_by_shop": report["product_rating"],
        },
        "counts": {
            "reviews": report["unique_reviews"],
            "with_text": report["judged_reviews"],
            "strong": report["strong_count"],
            "medium": report["medium_count"],
            "weak": report["weak_count"],
            "rewarded": report["incentivised_count"],
        },
        "checks": [_check(check) for check in report["checks"]],
        "reviews_with_signs": report["flagged"],
        "reviews_with_signs_count": report["flagged_count"],
        "earlier": result.get("earlier"),
        "method": {
            "version": method["version"],
            "judge": method["judge"],
            "summary": method["summary"],
            "rules": method["rules"],
            "limits": method["limits"],
            "accuracy": method["accuracy"],
            "grades": method["grades"],
        },
        "software": report.get("software", {}),
    }


def _check(check: Mapping[str, Any]) -> CheckResult:
    result: CheckResult = {
        "name": check["name"],
        "title": check["title"],
        "outcome": check["outcome"],
        "strength": check.get("strength"),
        "context": check["context"],
        "reviews": check["count"],
        "sentence": check["sentence"],
        "measured": check.get("measured", NOT_RECORDED),
    }
    if "windows" in check:
        result["windows"] = check["windows"]
    return result
