"""How a source was read, in words: each part of a review with its column and samples (pure)."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from outlast import message
from outlast_reviews import formatting


@dataclass(frozen=True, slots=True)
class PartRead:
    """One part of a review, as it was read from the source."""

    heading: str
    column: str
    """Where it was read from; empty where the source has no columns, or none for it."""
    samples: Sequence[str]
    """What it is in the first reviews."""


def parts_read(report: Mapping[str, Any]) -> list[PartRead]:
    """Return the parts that were read; none for a report of an earlier version, which does not say it."""
    reading: Mapping[str, Any] = report.get("reading", {})
    samples: Sequence[Mapping[str, Any]] = reading.get("samples", ())
    columns: Mapping[str, str] = reading.get("columns", {})
    found: list[PartRead] = []
    for heading, parts, shown in _PARTS if samples else ():
        column = next((columns[part] for part in parts if part in columns), "")
        read = [text for sample in samples if (text := shown(sample))]
        if read or column:
            found.append(PartRead(heading, column, read))
    return found


def _stars(sample: Mapping[str, Any]) -> str:
    if sample["rating"] is not None:
        return message("{stars:g} of 5", stars=sample["rating"])
    if sample["recommended"] is None:
        return ""
    return message("thumb up") if sample["recommended"] else message("thumb down")


def written_on(review: Mapping[str, Any]) -> str:
    """The date of a sample or a listed review as it is known, to the day or the month; empty where it is not."""
    if review["date"] is None:
        return ""
    day = dt.date.fromisoformat(review["date"])
    return formatting.about(day) if review.get("approximate") else formatting.day(day)


def _reviewer(sample: Mapping[str, Any]) -> str:
    return sample["reviewer"] or ""


def _words(sample: Mapping[str, Any]) -> str:
    return " · ".join(" ".join(part.split()) for part in (sample["title"], sample["text"]) if part)


def _verified(sample: Mapping[str, Any]) -> str:
    if sample["verified"] is None:
        return ""
    return message("yes") if sample["verified"] else message("no")


_PARTS: Sequence[tuple[str, Sequence[str], Callable[[Mapping[str, Any]], str]]] = (
    (message("Stars"), ("rating", "recommended"), _stars),
    (message("Date"), ("date",), written_on),
    (message("Reviewer"), ("reviewer",), _reviewer),
    (message("Words"), ("text", "title"), _words),
    (message("Verified"), ("verified",), _verified),
)
"""What is shown: headings, the parts whose columns count, and the words for a sample."""
