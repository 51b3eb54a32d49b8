"""The page of an evidence file: self-contained HTML that prints well and needs no network (pure)."""

from collections.abc import Mapping
from functools import cache
from typing import Any, cast

from outlast_reviews import formatting
from outlast_reviews.evidence.document import Document
from outlast_reviews.evidence.signing import page_begins
from outlast_reviews.pages.changes import Change, changes_between
from outlast_reviews.pages.languages import ENGLISH, Templates
from outlast_reviews.wording import dates_read, outcome


def page_of(document: Document, document_sha256: str, public_key: str, language: str = ENGLISH) -> str:
    """Render the document; the signature is appended to it."""
    verdict = document["verdict"]
    share = None
    if verdict["suspicious_percentage_low"] is not None and verdict["suspicious_percentage_high"] is not None:
        share = formatting.percent_range(
            verdict["suspicious_percentage_low"], verdict["suspicious_percentage_high"]
        )
    return page_begins(language) + templates().render(
        "evidence.html",
        language,
        d=document,
        share=share,
        uncertain=share is not None and share != formatting.percent(verdict["suspicious_percentage"] or 0),
        changes=_changes(document),
        document_sha256=document_sha256,
        public_key=public_key,
    )


@cache
def templates() -> Templates:
    return Templates(
        "outlast_reviews.evidence", {"dates": dates_read, "outcome": _outcome}, keep_trailing_newline=True
    )


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


def _outcome(check: Mapping[str, Any]) -> str:
    return outcome({**check, "count": check["reviews"]})
