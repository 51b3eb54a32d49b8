"""What the report of last time said of the same product, kept as a fact and laid beside the new one."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import wraps
from typing import Any

from outlast import Fact, Facts, Step, step
from outlast_reviews.acquaintance import KEPT, PUBLIC

MOST_MARKS = 20_000
"""Reviews of which a mark is kept, so that a fact stays below a megabyte."""
_FIGURES = ("grade", "share", "rating", "adjusted", "reviews", "suspicious")


@dataclass(frozen=True, slots=True)
class Earlier:
    """The report of last time in figures, and how the reviews have changed since."""

    since: str | None
    """When it was made; `None` where that is nobody else's business: for uploads."""
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


Analyse = Callable[..., dict[str, Any]]


def remembering(analyse: Analyse, subject_of: Callable[..., str], facts: Facts) -> tuple[Analyse, Step[..., Any]]:
    """The same analysis with `earlier` in its result, and the step that this takes."""

    @step("Comparing with last time", weight=0.2)
    def compare(subject: str, report: dict[str, Any]) -> Earlier | None:
        return look_back(facts, subject, report)

    @wraps(analyse)
    def analyse_and_compare(**given: Any) -> dict[str, Any]:
        result = analyse(**given)
        earlier = compare(subject_of(**given), result["report"])
        return {**result, "earlier": asdict(earlier) if earlier else None}

    return analyse_and_compare, compare


def look_back(facts: Facts, subject: str, report: Mapping[str, Any]) -> Earlier | None:
    """What stood there before this report, which stands there afterwards.

    Two are kept, so that an attempt that is repeated after it has written finds the earlier one, not itself.
    Facts belong to nobody. Of an upload they hold figures alone, under a hash of its hash, and something is told
    only if it differs: that somebody has judged the same file here before is not for others to learn.
    """
    public = subject.startswith(PUBLIC)
    key = subject if public else hashlib.sha256(f"upload {subject}".encode()).hexdigest()
    key = key if len(key) <= 200 else hashlib.sha256(key.encode()).hexdigest()
    kept = {fact.item: fact.value for fact in facts.blocking.get([key]).get(key, ())}
    before = next(
        (kept[item] for item in ("latest", "before") if item in kept and kept[item]["at"] < report["analysed_at"]),
        None,
    )
    now = _summary(report)
    facts.blocking.put([Fact(key, now, "latest"), *([Fact(key, before, "before")] if before else [])], keep=KEPT)
    if before is None or (not public and all(before[name] == now[name] for name in _FIGURES)):
        return None
    return _earlier(before, now, public=public)


def _earlier(before: Mapping[str, Any], now: Mapping[str, Any], *, public: bool) -> Earlier:
    then, these = _known(before), _known(now)
    return Earlier(
        since=before["at"] if public else None,
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
