"""Facts that checks use besides the reviews: the description and earlier analyses (pure)."""

import datetime as dt
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from outlast_reviews.deduplicate import folded
from outlast_reviews.review import Review
from outlast_reviews.reviewers import identity

_ACCOUNT = re.compile(r"(?=.*\d)[A-Za-z0-9_.-]{9,}")
_MARK = 20
"""Hexadecimal digits of a mark."""
_LEAST_WORDS = 8
"""Of a text that says whose product it is about; shorter ones are said of many."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A review of another analysed product by a known reviewer."""

    reviewer: str
    """Their `reviewer_mark`."""
    product: str
    """The product's subject."""
    date: dt.date
    rating: float | None = None


@dataclass(frozen=True, slots=True)
class EarlierReview:
    """One review of the last analysis of the same product."""

    mark: str
    """Its `review_mark`."""
    date: dt.date | None = None
    rating: float | None = None


@dataclass(frozen=True, slots=True)
class ReviewFacts:
    """An empty field is unknown, and the check that needs it is not assessed."""

    description: str = ""
    """The seller's own words about the product."""
    product: str = ""
    """Its subject; sightings at this product are ignored."""
    secret: bytes = b""
    """Key of the marks, unique to the installation."""
    seen: Sequence[Sighting] = ()
    """Sightings of reviewers at other products; may include reviewers who did not review this one."""
    others: int = 0
    """Number of other analysed products, including those in `seen`."""
    earlier: Sequence[EarlierReview] = ()
    earlier_on: dt.date | None = None
    """When the last analysis was made."""


NOTHING_KNOWN = ReviewFacts()


def reviewer_mark(review: Review, secret: bytes = b"") -> str | None:
    """Hash that identifies a reviewer across products; `None` for a name that many people may have.

    Only account codes and names of two written-out words tell a person apart from others: "Ann B." does not.
    """
    reviewer = identity(review)
    if reviewer is None or review.reviewer is None:
        return None
    words = [word for word in reviewer.split() if len(word.strip(".")) > 2]
    if not _ACCOUNT.fullmatch(review.reviewer.strip()) and len(words) < 2:
        return None
    return _mark(secret, "reviewer", reviewer)


def review_mark(review: Review, secret: bytes = b"") -> str | None:
    """Hash that identifies a review across analyses; `None` where neither an id nor words tell it apart."""
    if review.review_id:
        return _mark(secret, "id", review.review_id)
    reviewer, text = identity(review), folded(review.text)
    return _mark(secret, "text", f"{reviewer or ''}\n{text}") if text else None


def text_mark(review: Review, secret: bytes = b"") -> str | None:
    """Hash that identifies a reviewer's text across files, whatever its ids; `None` for few words."""
    text = folded(review.text)
    return _mark(secret, "said", f"{identity(review) or ''}\n{text}") if text.count(" ") >= _LEAST_WORDS else None


def _mark(secret: bytes, kind: str, value: str) -> str:
    payload = f"{kind}\n{value}".encode("utf-8", "replace")
    return hashlib.blake2b(payload, key=secret, digest_size=_MARK // 2).hexdigest()
