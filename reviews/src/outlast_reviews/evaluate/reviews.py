"""Evaluates the checks on labelled reviews: AUC, accuracy, precision and recall (pure)."""

from collections.abc import Callable
from dataclasses import dataclass

from outlast_reviews.checks import run_checks
from outlast_reviews.checks.finding import Finding
from outlast_reviews.checks.incentive import NAME as INCENTIVE
from outlast_reviews.deduplicate import merge
from outlast_reviews.evaluate.figures import Bin, Figure, auc, calibration, share
from outlast_reviews.evaluate.labelled_data import LabelledReviews
from outlast_reviews.ratings import weight
from outlast_reviews.verdict import Evidence, gather

WEAK = 0.1
"""What the score adds for weak signs alone, so that they order reviews without ever counting."""


@dataclass(frozen=True, slots=True)
class CheckFigures:
    """One check over all sets in which it could be made."""

    name: str
    title: str
    assessed: int
    """Labelled reviews in the sets that it could be made on."""
    flagged: int
    precision: Figure
    recall: Figure


@dataclass(frozen=True, slots=True)
class ReviewFigures:
    """Everything that the labels allow to say about the judging."""

    reviews: int
    labelled: int
    """Unique reviews whose label says yes."""
    sets: int
    auc: Figure
    accuracy: Figure
    """Of calling suspicious what carries a strong or medium sign."""
    always_no: float
    """The accuracy of never suspecting anything: what any other must be compared with."""
    calibration: tuple[Bin, ...]
    checks: tuple[CheckFigures, ...]
    """Those that suspect: disclosed incentives and context do not."""


def evaluate_reviews(data: LabelledReviews, progress: Callable[[int, int, str], None]) -> ReviewFigures:
    """Each set is judged by itself, as a product would be; labels reach no check."""
    scores: list[float] = []
    labels: list[bool] = []
    suspected: list[bool] = []
    counts: dict[str, list[int]] = {}
    titles: dict[str, str] = {}
    whole = sum(map(len, data.sets))
    done = 0
    for reviews in data.sets:

        def within(part: int, total: int, message: str, size: int = len(reviews), start: int = done) -> None:
            progress(start + size * part // total, whole, message)

        unique = [review for review in merge(reviews) if review.row in data.labels]
        findings = run_checks(unique, within)
        evidence = gather(findings)
        own = {review.row: data.labels[review.row] for review in unique}
        for row, label in own.items():
            scores.append(_score(row, evidence))
            labels.append(label)
            suspected.append(evidence.suspects(row))
        for finding in findings:
            if finding.context or finding.name == INCENTIVE:
                continue
            titles[finding.name] = finding.title
            _count(counts.setdefault(finding.name, [0, 0, 0, 0]), finding, own)
        done += len(reviews)
    right = sum(label is suspicion for label, suspicion in zip(labels, suspected, strict=True))
    return ReviewFigures(
        reviews=len(labels),
        labelled=sum(labels),
        sets=len(data.sets),
        auc=auc(scores, labels),
        accuracy=share(right, len(labels)),
        always_no=1 - sum(labels) / len(labels) if labels else 0.0,
        calibration=calibration(scores, labels),
        checks=tuple(
            CheckFigures(name, titles[name], assessed, flagged, share(hits, flagged), share(hits, positive))
            for name, (assessed, positive, flagged, hits) in counts.items()
        ),
    )


def _score(row: int, evidence: Evidence) -> float:
    """What the adjusted rating takes away from a review's weight, as a probability."""
    if evidence.suspects(row):
        return 1 - weight(row, evidence)
    return WEAK if row in evidence.weak else 0.0


def _count(counted: list[int], finding: Finding, labels: dict[int, bool]) -> None:
    """Adds assessed, labelled, flagged, and correctly flagged."""
    if finding.outcome == "not_assessed":
        return
    flagged = {sign.row for sign in finding.signs if sign.row in labels}
    counted[0] += len(labels)
    counted[1] += sum(labels.values())
    counted[2] += len(flagged)
    counted[3] += sum(labels[row] for row in flagged)
