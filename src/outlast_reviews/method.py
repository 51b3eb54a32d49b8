"""How the judging works and what is known of its accuracy, told with every report."""

from dataclasses import asdict
from typing import Any, TypedDict

from outlast_reviews.judge.opinion import ModelReport, sentences
from outlast_reviews.verdict import GRADE_LIMITS

VERSION = "1"
"""Grows with each change that can change a verdict."""


class GradeLimit(TypedDict):
    """Up to which percentage of suspicious reviews, included, a grade goes."""

    grade: str
    up_to: float


class Method(TypedDict):
    """Which judge ran and how far to trust it; sentences for a lay reader."""

    judge: str
    model: dict[str, Any] | None
    """The language model's part, a `ModelReport`; `None` where none was asked."""
    version: str
    summary: str
    rules: list[str]
    accuracy: list[str]
    limits: list[str]
    grades: list[GradeLimit]


def method(model: ModelReport | None = None) -> Method:
    """Figures were measured on public data for the rules that the checks follow, never on one's own files."""
    took_part, may, accuracy = "no language model takes part and nothing leaves this machine.", (), ()
    if model:
        told = sentences(model)
        took_part, may, accuracy = f"they alone decide what counts. {told[0]}", told[1:2], told[2:]
    return {
        "judge": f"evidence ledger, {model.model}" if model else "evidence ledger",
        "model": asdict(model) if model else None,
        "version": VERSION,
        "summary": (
            f"Fixed, published rules look for warning signs; {took_part}"
            " Every sign is listed with the review that it was seen in."
        ),
        "rules": [
            "Rows that the source holds twice are merged and are never a warning sign.",
            (
                "Strong sign: at least eight words, and half of all three-word runs shared with a review under"
                " another name."
            ),
            (
                "Medium sign: five stars on days with far more reviews than their surroundings, if five stars are"
                " significantly more frequent then (Fisher's exact test, p < 0.01)."
            ),
            (
                "Reviews in return for something are counted apart. Missing purchase verification is a weak sign"
                " and never counts alone."
            ),
            (
                "The low end of the share counts strong signs, the high end medium ones too; a sample widens both"
                " (Wilson, 95 %). The grade goes by the middle."
            ),
            *may,
            (
                "In the adjusted rating a strong sign takes away all of a review's weight, a medium one or an"
                " incentive half of it. The rating counts as changed only if the 95 % interval says so."
            ),
        ],
        "accuracy": [
            (
                "Copies: in the study behind this rule no natural pair was flagged among 4,933 real reviews."
                " Of planted copies 100, 96, 70 and 17 % were found with 0, 5, 10 and 20 % of their words changed."
            ),
            (
                "Bursts: in the study behind this rule there was no false alarm on 12 real products."
                " Of planted campaigns of 20, 40 and 80 reviews 18, 49 and 69 % were found."
            ),
            "Incentives and purchase verification: not measured; they repeat what text or source says.",
            *accuracy,
            "The grade as a whole: not measured, as no public data says which reviews of a product are bought.",
        ],
        "limits": [
            (
                "Well-written single fakes carry no sign that could be told from an honest review. An A says that"
                " nothing was seen, not that all is well."
            ),
            "Honest people copy too: a form letter or a shop's suggested sentence looks like copies.",
            "A sale or a press report may bring many happy customers at once, which looks like a burst.",
            "Without reviewers' names, a review that an export holds twice looks like a copy.",
            "The figures come from reviews in English; other languages were not measured.",
        ],
        "grades": [{"grade": grade, "up_to": float(limit)} for grade, limit in GRADE_LIMITS],
    }
