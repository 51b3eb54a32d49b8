"""Compares a report with the previous one of the same product, which is stored as a fact."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from outlast import Fact, Facts, Step, message, step
from outlast_reviews.known_reviewers import PUBLIC_PREFIXES, RETENTION

_FIGURES = ("grade", "share", "rating", "adjusted", "reviews", "suspicious")


@dataclass(frozen=True, slots=True)
class EarlierReport:
    """Figures of the previous report, and how the reviews have changed since."""

    since: str
    """Time of that report, in UTC."""
    grade: str
    share: float | None
    rating: float | None
    adjusted: float | None
    reviews: int
    suspicious: int
    method: str
    vanished: int | None
    """Earlier reviews that are missing now; `None` unless both reports list all their reviews."""
    added: int | None


CompareStep = Step[[str, str, dict[str, Any]], EarlierReport | None]


def comparison_step(facts: Facts) -> CompareStep:
    """Build the step that compares a report with the previous one of the same product."""

    @step(message("Comparing with last time"), weight=0.2, key=_key)
    def compare(subject: str, product: str, report: dict[str, Any]) -> EarlierReport | None:
        # owners share the history of public pages only
        return compare_and_store(facts if subject.startswith(PUBLIC_PREFIXES) else facts.of_owner, product, report)

    return compare


def _key(subject: str, product: str, report: dict[str, Any]) -> tuple[str, ...]:
    return subject, product, report["analysed_at"]


def compare_and_store(facts: Facts, key: str, report: Mapping[str, Any]) -> EarlierReport | None:
    """Store the figures of this report and return a comparison with the previous one.

    Two are stored, so that a retried attempt finds the previous report and not its own.
    """
    kept = {fact.item: fact.value for fact in facts.blocking.get([key]).get(key, ())}
    previous = next(
        (kept[item] for item in ("latest", "before") if item in kept and kept[item]["at"] < report["analysed_at"]),
        None,
    )
    current = summary(report)
    facts.blocking.put(
        [Fact(key, current, "latest"), *([Fact(key, previous, "before")] if previous else [])], keep=RETENTION
    )
    return compared(previous, current) if previous else None


def compared(previous: Mapping[str, Any], current: Mapping[str, Any]) -> EarlierReport:
    """Compare two summaries."""
    earlier_marks, current_marks = _known(previous), _known(current)
    return EarlierReport(
        since=previous["at"],
        **{name: previous[name] for name in (*_FIGURES, "method")},
        vanished=None if earlier_marks is None or current_marks is None else len(earlier_marks - current_marks),
        added=None if earlier_marks is None or current_marks is None else len(current_marks - earlier_marks),
    )


def _known(summary: Mapping[str, Any]) -> frozenset[str] | None:
    marks: Iterable[str] | None = summary["marks"]
    return None if marks is None else frozenset(marks)


def figures(report: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of a report that are compared."""
    return {
        "grade": report["grade"],
        "share": report["fake_percentage"],
        "rating": report["original_rating"],
        "adjusted": report["adjusted_rating"],
        "reviews": report["unique_reviews"],
        "suspicious": report["strong_count"] + report["medium_count"],
    }


def summary(report: Mapping[str, Any]) -> dict[str, Any]:
    """What is stored of a report for the comparison with the next one, as JSON."""
    listed = [*report["flagged"], *report["without_signs"]]
    whole = len(listed) == report["unique_reviews"]
    return {
        "at": report["analysed_at"],
        **figures(report),
        "method": report["method"]["version"],
        "marks": _marks(listed) if whole else None,
    }


def _marks(reviews: Iterable[Mapping[str, Any]]) -> list[str]:
    """Hash the identity of each review: its own id, else reviewer, date and text."""

    def mark(review: Mapping[str, Any]) -> str:
        own = review["review_id"] != f"row {review['row']}"
        said = [review["reviewer"], review["date"], review["title"], review["excerpt"][:100]]
        name = repr(review["review_id"] if own else said)
        return hashlib.blake2b(name.encode(errors="surrogatepass"), digest_size=6).hexdigest()

    return sorted({mark(review) for review in reviews})
