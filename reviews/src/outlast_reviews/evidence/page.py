"""The page of an evidence file: self-contained HTML that prints well and needs no network (pure)."""

import datetime as dt
from collections.abc import Mapping
from functools import cache
from typing import Any, cast

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from outlast_reviews import formatting
from outlast_reviews.evidence.document import Document
from outlast_reviews.evidence.signing import PAGE_BEGINS
from outlast_reviews.pages.changes import Change, changes_between
from outlast_reviews.wording import dates_read, outcome

KINDS = {"file": "file", "page": "page as received", "reviews": "reviews as delivered"}


def page_of(document: Document, document_sha256: str, public_key: str) -> str:
    """Render the document; the signature is appended to it."""
    verdict = document["verdict"]
    share = None
    if verdict["suspicious_percentage_low"] is not None and verdict["suspicious_percentage_high"] is not None:
        share = formatting.percent_range(
            verdict["suspicious_percentage_low"], verdict["suspicious_percentage_high"]
        )
    return PAGE_BEGINS + _template().render(
        d=document,
        share=share,
        changes=_changes(document),
        document_sha256=document_sha256,
        public_key=public_key,
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("outlast_reviews.evidence"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters = cast("dict[str, Any]", environment.filters)
    filters |= {
        "count": _count,
        "average": _average,
        "day": _day,
        "dates": dates_read,
        "kind": KINDS.__getitem__,
        "outcome": _outcome,
        "percent": formatting.percent,
    }
    return environment.get_template("evidence.html")


def _changes(document: Document) -> tuple[Change, ...]:
    earlier = cast("Mapping[str, Any] | None", document["earlier"])
    if earlier is None:
        return ()
    counts, verdict, ratings = document["counts"], document["verdict"], document["ratings"]
    now = {
        "grade": verdict["grade"],
        "share": verdict["suspicious_percentage"],
        "rating": ratings["original"],
        "adjusted": ratings["adjusted"],
        "reviews": counts["reviews"],
        "suspicious": counts["strong"] + counts["medium"],
    }
    return changes_between(earlier, now)


def _count(number: int) -> str:
    return f"{number:,}"


def _average(stars: float | None) -> str:
    return "–" if stars is None else f"{stars:.2f}"


def _day(date: str) -> str:
    return formatting.day(dt.date.fromisoformat(date))


def _outcome(check: Mapping[str, Any]) -> str:
    return outcome({**check, "count": check["reviews"]})
