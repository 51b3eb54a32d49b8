"""What the report of last time said of the same product, kept as a fact and laid beside the new one."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from outlast import Fact, Facts, Step, step
from outlast_reviews.known_reviewers import KEPT, PUBLIC

MOST_MARKS = 20_000
"""Reviews of which a mark is kept, so that a fact stays below a megabyte."""
_FIGURES = ("grade", "share", "rating", "adjusted", "reviews", "suspicious")


@dataclass(frozen=True, slots=True)
class Earlier:
    """The report of last time in figures, and how the reviews have changed since."""

    since: str
    """When it was made."""
    grade: str
    share: float | None
    rating: float | None
    adjusted: float | None
    reviews: int
    suspicious: int
    method: str
    vanished: int | None
    """Reviews of last time that are not among these; `None` where not all of both were listed."""
    added: int | None


Compare = Step[[str, str, dict[str, Any]], Earlier | None]


def comparing(facts: Facts) -> Compare:
    """The step that lays a report beside the last one of the same product."""

    @step("Comparing with last time", weight=0.2, key=_key)
    def compare(subject: str, product: str, report: dict[str, Any]) -> Earlier | None:
        # what somebody has judged here before is for others to learn only of pages that anybody can look at
        return look_back(facts if subject.startswith(PUBLIC) else facts.of_owner, product, report)

    return compare


def _key(subject: str, product: str, report: dict[str, Any]) -> tuple[str, ...]:
    return subject, product, report["analysed_at"]


def look_back(facts: Facts, key: str, report: Mapping[str, Any]) -> Earlier | None:
    """What stood there before this report, which stands there afterwards.

    Two are kept, so that an attempt that is repeated after it has written finds the earlier one, not itself.
    """
    kept = {fact.item: fact.value for fact in facts.blocking.get([key]).get(key, ())}
    before = next(
        (kept[item] for item in ("latest", "before") if item in kept and kept[item]["at"] < report["analysed_at"]),
        None,
    )
    now = _summary(report)
    facts.blocking.put([Fact(key, now, "latest"), *([Fact(key, before, "before")] if before else [])], keep=KEPT)
    return _earlier(before, now) if before else None


def _earlier(before: Mapping[str, Any], now: Mapping[str, Any]) -> Earlier:
    then, these = _known(before), _known(now)
    return Earlier(
        since=before["at"],
        **{name: before[name] for name in (*_FIGURES, "method")},
        vanished=None if then is None or these is None else len(then - these),
        added=None if then is None or these is None else len(these - then),
    )


def _known(summary: Mapping[str, Any]) -> frozenset[str] | None:
    marks: Iterable[str] | None = summary["marks"]
    return None if marks is None else frozenset(marks)


def _summary(report: Mapping[str, Any]) -> dict[str, Any]:
    listed = [*report["flagged"], *report["without_signs"]]
    whole = len(listed) == report["unique_reviews"] <= MOST_MARKS
    return {
        "at": report["analysed_at"],
        "grade": report["grade"],
        "share": report["fake_percentage"],
        "rating": report["original_rating"],
        "adjusted": report["adjusted_rating"],
        "reviews": report["unique_reviews"],
        "suspicious": report["strong_count"] + report["medium_count"],
        "method": report["method"]["version"],
        "marks": _marks(listed) if whole else None,
    }


def _marks(reviews: Iterable[Mapping[str, Any]]) -> list[str]:
    """What a review is known again by, hashed: its own id, or who said what when. Its row says nothing."""

    def mark(review: Mapping[str, Any]) -> str:
        own = review["review_id"] != f"row {review['row']}"
        said = [review["reviewer"], review["date"], review["title"], review["excerpt"][:100]]
        name = repr(review["review_id"] if own else said)
        return hashlib.blake2b(name.encode(errors="surrogatepass"), digest_size=6).hexdigest()

    return sorted({mark(review) for review in reviews})
