"""What is known beside the reviews themselves, as plain values: the seller's words, earlier analyses (pure)."""

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
class Seen:
    """That a reviewer was seen at another product that was analysed."""

    reviewer: str
    """Their `reviewer_mark`."""
    product: str
    """The product's subject."""
    date: dt.date


@dataclass(frozen=True, slots=True)
class EarlierReview:
    """One review of the last analysis of the same product."""

    mark: str
    """Its `review_mark`."""
    date: dt.date | None = None
    rating: float | None = None


@dataclass(frozen=True, slots=True)
class ReviewFacts:
    """Nothing in a field means: not known, and the check that needs it is not assessed."""

    description: str = ""
    """The seller's own words about the product."""
    product: str = ""
    """Its subject; what was seen at this one is left out."""
    secret: bytes = b""
    """Of this installation: marks mean nothing elsewhere."""
    seen: Sequence[Seen] = ()
    """Where this product's reviewers were seen too; all that is known of other products may be in it."""
    others: int = 0
    """Other products that were analysed here, also those in `seen`."""
    earlier: Sequence[EarlierReview] = ()
    earlier_on: dt.date | None = None
    """When the last analysis was made."""


NOTHING_KNOWN = ReviewFacts()


def reviewer_mark(review: Review, secret: bytes = b"") -> str | None:
    """The same for one reviewer at every product; `None` for a name that many people may have.

    Only account codes and names of two written-out words tell a person apart from others: "Ann B." does not.
    """
    who = identity(review)
    if who is None or review.reviewer is None:
        return None
    words = [word for word in who.split() if len(word.strip(".")) > 2]
    if not _ACCOUNT.fullmatch(review.reviewer.strip()) and len(words) < 2:
        return None
    return _mark(secret, "reviewer", who)


def review_mark(review: Review, secret: bytes = b"") -> str | None:
    """The same for one review in every analysis; `None` where neither an id nor words tell it apart."""
    if review.review_id:
        return _mark(secret, "id", review.review_id)
    who, text = identity(review), folded(review.text)
    return _mark(secret, "text", f"{who or ''}\n{text}") if text else None


def text_mark(review: Review, secret: bytes = b"") -> str | None:
    """The same for one text of one reviewer in every file, whatever ids it gives; `None` for few words."""
    text = folded(review.text)
    return _mark(secret, "said", f"{identity(review) or ''}\n{text}") if text.count(" ") >= _LEAST_WORDS else None


def _mark(secret: bytes, kind: str, value: str) -> str:
    told = f"{kind}\n{value}".encode("utf-8", "replace")
    return hashlib.blake2b(told, key=secret, digest_size=_MARK // 2).hexdigest()
