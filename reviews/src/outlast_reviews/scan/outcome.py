"""What a scan says of one product: its figures, what changed since last time, and whether for the worse (pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from outlast_reviews.history import EarlierReport, compared, figures, summary
from outlast_reviews.pages.changes import Change, changes_between

FEWER_STARS = 0.1
"""By how much the stars must fall to count as worse."""
_GRADES = "ABCDFU"
"""From best to worst; losing the grade is worse than any."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A judged product, or one that failed."""

    name: str
    source: str
    error: str | None = None
    figures: Mapping[str, Any] | None = None
    """`history.figures`; `None` where the product failed."""
    headline: str | None = None
    tone: str | None = None
    """The colour that the report gives to its grade."""
    since: str | None = None
    """When the report was made that this one is compared with; `None` the first time."""
    new: int | None = None
    gone: int | None = None
    """Reviews since then; `None` where a report lists only some of them."""
    changes: Sequence[Change] = ()
    worse: Sequence[str] = ()
    """What changed for the worse, in words."""
    other_method: bool = False
    """Whether another version of the method judged last time, so that changes may come from it."""
    evidence: Sequence[str] = ()
    """The files written."""

    @property
    def changed(self) -> bool:
        return bool(self.changes or self.new or self.gone)

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "source": self.source,
            "error": self.error,
            **(self.figures or dict.fromkeys(("grade", "share", "rating", "adjusted", "reviews", "suspicious"))),
            "headline": self.headline,
            "since": self.since,
            "new": self.new,
            "gone": self.gone,
            "changes": [asdict(change) for change in self.changes],
            "worse": list(self.worse),
            "other_method": self.other_method,
            "evidence": list(self.evidence),
        }


def outcome_of(
    name: str,
    source: str,
    report: Mapping[str, Any],
    last: Mapping[str, Any] | None,
    earlier: EarlierReport | None,
    evidence: Sequence[str] = (),
) -> Outcome:
    """Compare a report with the summary of the `last` one; `earlier` is what `earlier_report` says of the two."""
    now = figures(report)
    if last is None or earlier is None:
        return Outcome(
            name, source, figures=now, headline=report["headline"], tone=report["tone"], evidence=evidence
        )
    other_method = last["method"] != report["method"]["version"]
    return Outcome(
        name,
        source,
        figures=now,
        headline=report["headline"],
        tone=report["tone"],
        since=earlier.since,
        new=earlier.added,
        gone=earlier.vanished,
        changes=[change for change in changes_between(last, now) if change.differs],
        worse=() if other_method else worsened(last, now),
        other_method=other_method,
        evidence=evidence,
    )


def earlier_report(report: Mapping[str, Any], last: Mapping[str, Any] | None) -> EarlierReport | None:
    return compared(last, summary(report)) if last else None


def worsened(last: Mapping[str, Any], now: Mapping[str, Any]) -> Sequence[str]:
    """A worse grade, more reviews with warning signs, or clearly fewer stars.

    The stars are the adjusted ones where both reports have them: that copies with five stars disappear is no loss.
    """
    found: list[str] = []
    if _GRADES.index(now["grade"]) > _GRADES.index(last["grade"]):
        found.append(f"The grade was {last['grade']} and is {now['grade']}.")
    if (more := now["suspicious"] - last["suspicious"]) > 0:
        reviews = "review has" if more == 1 else "reviews have"
        found.append(f"{more:,} more {reviews} warning signs.")
    adjusted = last["adjusted"] is not None and now["adjusted"] is not None
    before, after = (last["adjusted"], now["adjusted"]) if adjusted else (last["rating"], now["rating"])
    if before is not None and after is not None and round(before - after, 4) >= FEWER_STARS:
        found.append(f"The {'adjusted ' if adjusted else ''}average fell from {before:.2f} to {after:.2f} stars.")
    return found
