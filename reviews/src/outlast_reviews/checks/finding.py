"""The result of a check: outcome, sentence, and the signs in single reviews (pure)."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from outlast import plural
from outlast_reviews.review import Review

Outcome = Literal["found", "clear", "not_assessed"]
Strength = Literal["strong", "medium", "weak"]
Kind = Literal["suspicious", "incentivised"]
Advance = Callable[[float], None]
"""Called with the share of a check that is done, 0 to 1; may raise to cancel it."""


@dataclass(frozen=True, slots=True)
class Sign:
    """One warning sign in one review."""

    row: int
    """`Review.row` of the review concerned."""
    strength: Strength
    sentence: str
    quotes: tuple[str, ...] = ()
    """Parts of the review's text, white space apart, that show the sign; the strongest first."""
    kind: Kind = "suspicious"
    """"incentivised" is counted apart and never as suspicious."""
    cluster: int | None = None
    """Reviews that are copies of each other share a number, from 1, the largest cluster first."""


@dataclass(frozen=True, slots=True)
class Window:
    """Days in a row, both ends included, with more reviews than their surroundings explain."""

    start: dt.date
    end: dt.date
    count: int


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check. A check whose fields are missing is not assessed, never clear."""

    name: str
    title: str
    outcome: Outcome
    sentence: str
    signs: tuple[Sign, ...] = ()
    windows: tuple[Window, ...] = ()
    context: bool = False
    """Shown beside the verdict; does not count for it, nor as an assessed check."""
    different_names: bool = False
    """Whether the reviews with signs are copies whose reviewers are named, so that the names differ."""


def part_of(advance: Advance, start: float, end: float) -> Advance:
    """Scale the progress of one part of a check to the whole."""
    return lambda share: advance(start + share * (end - start))


def too_few(reviews: int, what: str, least: int) -> str:
    """Say why a check was not made: so few reviews have `what` it needs, which is a message."""
    return plural(
        "Only {n} review has {what}; we need at least {least}.",
        "Only {n} reviews have {what}; we need at least {least}.",
        reviews,
        what=what,
        least=least,
    )


class Check(Protocol):
    """A pure function of unique reviews; the order of the reviews and their ids change nothing."""

    def __call__(self, reviews: Sequence[Review], advance: Advance, /) -> Finding: ...
