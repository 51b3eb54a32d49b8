"""What a check says: its outcome, one sentence, and the signs it saw in single reviews (pure)."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from outlast_reviews.review import Review

Outcome = Literal["found", "clear", "not_assessed"]
Strength = Literal["strong", "medium", "weak"]
Kind = Literal["suspicious", "incentivised"]
Advance = Callable[[float], None]
"""Told now and then which share of a check is done, 0 to 1; may raise to stop it."""


@dataclass(frozen=True, slots=True)
class Sign:
    """One warning sign in one review."""

    row: int
    """`Review.row` of the review concerned."""
    strength: Strength
    sentence: str
    quotes: tuple[str, ...] = ()
    """Parts of the review's text, white space apart, that show the sign; the most telling first."""
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
    """The answer of one check; a check that lacks its fields is not assessed, never clear."""

    name: str
    title: str
    outcome: Outcome
    sentence: str
    signs: tuple[Sign, ...] = ()
    windows: tuple[Window, ...] = ()
    context: bool = False
    """Told beside the verdict; counts neither for nor against it, nor as a check that was made."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The answers of all checks about one set of reviews."""

    findings: tuple[Finding, ...]
    made: str
    """Its name among all such answers, from the step that made it."""


def part_of(advance: Advance, start: float, end: float) -> Advance:
    """Tells the progress of one part of a check as that part's share of the whole."""
    return lambda share: advance(start + share * (end - start))


class Check(Protocol):
    """A pure function of unique reviews; the order of the reviews and their ids change nothing."""

    def __call__(self, reviews: Sequence[Review], advance: Advance, /) -> Finding: ...
