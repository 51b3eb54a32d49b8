"""`Review` and `ReviewSet`: what every source returns and every check reads (pure)."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

MOST_CHARACTERS = 30_000
"""Characters of one text that the checks read: Amazon's 5,000 words, the most that any large shop allows."""


@dataclass(frozen=True, slots=True)
class Review:
    """What one row of a source says; `None` wherever it says nothing."""

    row: int
    """Position in the source, from 1; the identity of a review within a set."""
    review_id: str | None = None
    """The source's own id, shown in the report; no check looks at it except to merge repeated rows."""
    rating: float | None = None
    """Stars, 1 to 5; halves are possible."""
    date: dt.date | None = None
    title: str = ""
    text: str = ""
    reviewer: str | None = None
    """The source's reviewer id or, without one, the reviewer's name."""
    verified: bool | None = None
    incentivised: bool | None = None
    """The source's own flag (Vine, "incentivised"); `None` where the source has no such field."""
    product: str | None = None
    """What it is of, where the source holds reviews of several products; else `None`."""
    recommended: bool | None = None
    """Thumbs up or down, where the source has these in place of stars."""
    approximate: bool = False
    """Whether the date is known to the month at best."""
    reviewer_reviews: int | None = None
    """How many reviews its reviewer has written, as the source counts them."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A row that could not be read, and why, for the coverage card."""

    row: int
    """Position in its file, from 1."""
    reason: str
    file: str = ""
    """The name of its file, where the source has several."""


@dataclass(frozen=True, slots=True)
class Input:
    """What was read, by its hash, so that a report can be traced to it."""

    name: str
    kind: Literal["file", "page", "reviews"]
    """`page`: the body of an address as received. `reviews`: what a provider delivered, as JSON lines."""
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class ReviewSet:
    """All reviews of one source."""

    reviews: Sequence[Review]
    format: str
    """The detected format, for people: "CSV", "saved Amazon page"."""
    product_title: str | None = None
    product_rating: float | None = None
    """The rating the source itself states for the product, where it does."""
    stated_total: int | None = None
    """How many reviews the source says the product has, where it does."""
    stated_ratings: int | None = None
    """How many ratings, with text or without, where the source counts these instead of reviews."""
    description: str = ""
    """The seller's own words about the product, as far as the source holds them."""
    complete: bool = False
    """True when the source says that it holds every review of the product; else it is a sample."""
    skipped: Sequence[Skipped] = field(default_factory=tuple[Skipped, ...])
    left_out: Sequence[str] = ()
    """Files without reviews, lists, columns and dates that nothing was read from, each with what it is."""
    inputs: Sequence[Input] = ()
    """The files, pages and deliveries that the reviews were read from."""

    columns: Mapping[str, str] = field(default_factory=dict[str, str])
    """For each part of a review the name of the column or key that it was read from, where there are such."""
    unordered_dates: Sequence[str] = ()
    """A few dates whose order of day and month is unknown, as long as nobody has said it."""

    files_of_one_product: bool = False
    """Whether it was merged of several sources, each with the reviews of a single product."""

    made: str = ""
    """Unique name of this value, assigned by the step that made it."""

    @property
    def products(self) -> Mapping[str, int]:
        """Number of reviews by product, the most first; empty if there is only one product."""
        return dict(Counter(review.product for review in self.reviews if review.product).most_common())
